"""Realistic names by language, in their usual spelling and as they appear in usernames.

Each entry is (given names, family names, whether the family name comes first, bios). Names with letters other than a to z are
written `native=latin`.
"""

LANGUAGES = {
    "en": (
        "Alice Amara Ben Chloe Daniel Eleanor Femi Grace Harriet Isaac Jasmine Kofi Liam Maya Nathan Olivia Priya "
        "Quentin Rosa Samuel Tessa Victor Wendy Zoe Hannah Owen Imogen Marcus Leila Theo",
        "Adeyemi Bennett Carter Delaney Ellis Foster Grant Hughes Ingram Jordan Kaplan Lowe Mensah Nash Okafor Patel "
        "Quinn Reid Shaw Turner Underwood Vaughn Whitaker Young Marsh Holloway",
        False,
        "Baker by trade, reader by night.|Bicycles, birds and bad puns.|I fix radios.|Nurse. Gardener. Tired.|"
        "Maps, mostly old ones.|Learning the cello at forty.|Software by day, sourdough by night.|Mostly trains.",
    ),
    "es": (
        "Lucía=Lucia Mateo Sofía=Sofia Diego Valentina Javier Carmen Álvaro=Alvaro Inés=Ines Pablo Elena Andrés=Andres "
        "Camila Tomás=Tomas Marina Joaquín=Joaquin Noelia Ramón=Ramon",
        "García=Garcia Fernández=Fernandez López=Lopez Martínez=Martinez Romero Navarro Ibáñez=Ibanez Vega Castro "
        "Ortega Molina Rivas Salazar Peña=Pena",
        False,
        "Profesora de historia.|Café, montaña y libros.|Escribo poco, leo mucho.|Del sur, vivo en el norte.|"
        "Arreglo guitarras.|Cocinera y ciclista.",
    ),
    "de": (
        "Anna Jonas Lena Felix Marie Paul Clara Emil Frieda Jürgen=Juergen Käthe=Kaethe Max Greta Anton Ida Lukas "
        "Johanna Moritz",
        "Müller=Mueller Schmidt Weber Köhler=Koehler Vogel Brandt Lorenz Schäfer=Schaefer Winkler Hartmann Engel "
        "Böhm=Boehm Sommer Kühn=Kuehn",
        False,
        "Tischlerin aus Leipzig.|Viel draußen.|Lehrer, Vater, Läufer.|Alte Karten und neue Wege.|Meistens im Garten.|"
        "Schreibt über Brücken.",
    ),
    "fr": (
        "Camille Louis Manon Hugo Chloé=Chloe Antoine Zoé=Zoe Étienne=Etienne Juliette Théo=Theo Margaux Rémi=Remi "
        "Inès=Ines Baptiste Noémie=Noemie Lucien",
        "Martin Bernard Lefèvre=Lefevre Moreau Girard Fontaine Rousseau Mercier Blanchard Chevalier Dupré=Dupre "
        "Renaud Gauthier Perrin",
        False,
        "Libraire à Nantes.|Du pain, des livres.|Je marche beaucoup.|Traductrice, souvent en retard.|"
        "Photographe du dimanche.|Fromages et logiciels libres.",
    ),
    "zh": (
        "伟=wei 芳=fang 娜=na 敏=min 静=jing 磊=lei 洋=yang 艳=yan 杰=jie 涛=tao 明=ming 婷=ting 雪=xue 晨=chen 宇=yu "
        "佳=jia 思远=siyuan 子涵=zihan 晓梅=xiaomei",
        "王=wang 李=li 张=zhang 刘=liu 陈=chen 杨=yang 赵=zhao 黄=huang 周=zhou 吴=wu 徐=xu 孙=sun 林=lin 何=he",
        True,
        "爱读书，爱做饭。|在杭州写代码。|中学语文老师。|喜欢爬山和拍照。|慢慢来，比较快。|养了两只猫。",
    ),
    "ja": (
        "陽菜=hina 蓮=ren 結衣=yui 大翔=haruto 葵=aoi 悠真=yuma 美咲=misaki 健太=kenta 桜=sakura 翔太=shota 千尋=chihiro "
        "直樹=naoki",
        "佐藤=sato 鈴木=suzuki 高橋=takahashi 田中=tanaka 伊藤=ito 渡辺=watanabe 山本=yamamoto 中村=nakamura "
        "小林=kobayashi 加藤=kato",
        True,
        "本と珈琲と猫。|京都の古本屋。|走ったり、休んだり。|週末は山へ。|パンを焼いています。",
    ),
    "ar": (
        "ليلى=layla أحمد=ahmed نور=nour يوسف=youssef مريم=maryam عمر=omar سلمى=salma خالد=khaled هدى=huda زياد=ziad "
        "رنا=rana طارق=tariq",
        "حداد=haddad منصور=mansour خليل=khalil نجار=najjar صالح=saleh فارس=fares درويش=darwish قاسم=qasim "
        "عثمان=othman شاهين=shahin",
        False,
        "أحب القراءة والسفر.|مهندسة من عمّان.|قهوة وكتب.|أكتب عن المدن القديمة.|معلّم وأب لثلاثة.",
    ),
    "hi": (
        "आरव=aarav दिया=diya अनन्या=ananya रोहन=rohan ईशा=isha कबीर=kabir मीरा=meera अर्जुन=arjun सान्या=sanya "
        "विवेक=vivek नेहा=neha",
        "शर्मा=sharma वर्मा=verma गुप्ता=gupta सिंह=singh जोशी=joshi मेहता=mehta नायर=nair राव=rao चौधरी=chaudhary "
        "मिश्रा=mishra",
        False,
        "किताबें और चाय।|दिल्ली से, दिल से।|पहाड़ों की याद आती है।|क्रिकेट और कविता।",
    ),
}

# How many out of 100 people write in each language.
SHARES = {"en": 40, "es": 12, "de": 9, "fr": 9, "zh": 12, "ja": 7, "ar": 6, "hi": 5}


def split_name(entry):
    """Return (native, latin) for an entry such as `李=li` or `Alice`."""
    native, _, latin = entry.partition("=")
    return native, (latin or native).lower()
