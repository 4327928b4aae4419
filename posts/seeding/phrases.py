"""Phrases for the posts of made-up people: sentences and replies with gaps, and words to fill the gaps, by language."""

from itertools import cycle

SENTENCES = {
    "en": [
        "The {place} was closed, so I walked home along the {way}. Best accident of the week.",
        "Finished {work}. It took {span} longer than I said it would, as always.",
        "Does anyone know a good {thing}? Mine gave up after {span}.",
        "{weather} all day. I stayed in and read about {topic}.",
        "Overheard at the {place}: “I only came for the {thing}.”",
        "Small victory: {work}, and nobody had to help.",
        "I keep coming back to {topic}. There is more in it than I thought.",
        "Tomorrow: {work}. Today: {thing} and an early night.",
        "Thank you, {who}, for the talk about {topic}. I have been thinking about it since.",
        "A {thing}, a window seat and {span} without meetings.",
        "Unpopular opinion: {topic} deserves a better press.",
        "My neighbour left a {thing} at the door, with a note that says only “for the {way}”.",
        "Notes on {topic}, for anyone who asked: https://example.org/notes/{number}",
        "{weather} on the {way} this morning. Wear a hat.",
        "Ten years ago today I started {work}. I would do it again.",
        "Three things I learned this week:\n1. {topic} is harder than it looks\n2. never trust a {thing}\n3. go outside",
    ],
    "es": [
        "Hoy {weather}. Me quedé en casa leyendo sobre {topic}.",
        "Por fin terminé {work}. Tardé {span} más de lo previsto.",
        "¿Alguien conoce {thing} que dure? El mío aguantó {span}.",
        "En {place} alguien dijo: «solo vine por {thing}».",
        "Gracias, {who}, por la charla sobre {topic}.",
        "Cada vez me interesa más {topic}.",
        "Mañana toca {work}. Hoy, {thing} y a dormir pronto.",
    ],
    "de": [
        "{weather}, den ganzen Tag. Drinnen über {topic} gelesen.",
        "Endlich fertig: {work}. Hat {span} länger gedauert als gedacht.",
        "Kennt jemand {thing}, das länger hält als {span}?",
        "Auf dem Weg {place} gehört: „Ich wollte eigentlich nur {thing}.“",
        "Danke, {who}, für das Gespräch über {topic}.",
        "Je länger ich über {topic} nachdenke, desto weniger weiß ich.",
        "Morgen {work}. Heute {thing} und früh ins Bett.",
    ],
    "fr": [
        "{weather} toute la journée. J’ai lu sur {topic}.",
        "Enfin terminé : {work}. Il a fallu {span} de plus que prévu.",
        "Quelqu’un connaît {thing} qui dure plus de {span} ?",
        "Entendu {place} : « je suis juste venu pour {thing} ».",
        "Merci {who} pour la discussion sur {topic}.",
        "Plus j’apprends sur {topic}, moins j’en sais.",
        "Demain, {work}. Ce soir, {thing} et au lit.",
    ],
    "zh": [
        "今天{weather}，在家读了一整天关于{topic}的书。",
        "终于{work}了，比计划晚了{span}。",
        "有人推荐{thing}吗？我的只用了{span}。",
        "在{place}听到有人说：“我只是来买{thing}的。”",
        "谢谢 {who}，聊{topic}聊得很开心。",
        "越了解{topic}，越觉得自己懂得少。",
        "明天要{work}。今天早点睡。",
    ],
    "ja": [
        "今日は{weather}。家で{topic}の本を読んでいました。",
        "やっと{work}。予定より{span}遅れました。",
        "おすすめの{thing}、ありますか。{span}で壊れてしまって。",
        "{place}で聞いた言葉：「{thing}だけ買いに来たんだけど」",
        "{who} さん、{topic}の話、ありがとうございました。",
        "{topic}、知れば知るほど奥が深い。",
    ],
    "ar": [
        "{weather} طوال اليوم. بقيت في البيت أقرأ عن {topic}.",
        "أخيرًا انتهيت من {work}، بعد {span} من الموعد.",
        "هل يعرف أحد {thing} يدوم أكثر من {span}؟",
        "سمعت في {place} من يقول: «جئت فقط من أجل {thing}».",
        "شكرًا {who} على الحديث عن {topic}.",
        "كلما قرأت عن {topic} عرفت أنني لا أعرف.",
    ],
    "hi": [
        "आज {weather}। घर पर {topic} के बारे में पढ़ता रहा।",
        "आख़िरकार {work} पूरा हुआ, {span} देर से।",
        "क्या कोई अच्छा {thing} बता सकता है? मेरा {span} ही चला।",
        "{place} में किसी ने कहा: “मैं तो बस {thing} लेने आया था।”",
        "धन्यवाद {who}, {topic} पर बातचीत के लिए।",
        "{topic} को जितना समझो, उतना कम लगता है।",
    ],
}

# These fit below every sentence and every other reply.
REPLIES = {
    "en": [
        "That made my day.",
        "Same here, and I thought I was the only one.",
        "Tell me more?",
        "I had {span} like that once. It gets better.",
        "Nice. Was it worth it?",
        "You should write about {topic} next.",
        "Ha! My sister says the same.",
        "I’m not so sure, but I like how you put it.",
        "Saving this for a day with {thing} and no plans.",
        "Good for you!",
        "Really? Since when?",
        "Let’s talk about it at the {place}.",
    ],
    "es": [
        "Me has alegrado el día.",
        "A mí me pasa igual.",
        "¡Cuenta más!",
        "¿Y valió la pena?",
        "No sé yo, pero lo dices muy bien.",
        "Hablamos de eso en {place}.",
        "¡Qué bien!",
    ],
    "de": [
        "Das hat mir den Tag gerettet.",
        "Geht mir auch so.",
        "Erzähl mehr!",
        "Und, hat es sich gelohnt?",
        "Da bin ich mir nicht so sicher, aber schön gesagt.",
        "Dazu passt {thing}.",
        "Glückwunsch!",
    ],
    "fr": [
        "Ça me fait ma journée.",
        "Pareil ici.",
        "Raconte !",
        "Et ça valait la peine ?",
        "Pas si sûr, mais c’est bien dit.",
        "On en parle {place} ?",
        "Bravo !",
    ],
    "zh": [
        "说得真好。",
        "我也是这样！",
        "快多讲讲。",
        "值得吗？",
        "我不太确定，不过挺有意思。",
        "下次在{place}见面聊。",
        "恭喜！",
    ],
    "ja": [
        "いいですね。",
        "私も同じです。",
        "もっと聞かせてください。",
        "どうでしたか。",
        "そうかなあ。でも面白い見方ですね。",
        "今度{place}で話しましょう。",
        "おめでとうございます！",
    ],
    "ar": [
        "أسعدت يومي.",
        "وأنا كذلك.",
        "حدثنا أكثر!",
        "وهل كان يستحق؟",
        "لست متأكدًا، لكنك أحسنت القول.",
        "مبارك!",
    ],
    "hi": [
        "पढ़कर अच्छा लगा।",
        "मेरे साथ भी यही हुआ।",
        "और बताइए!",
        "तो कैसा रहा?",
        "पक्का नहीं कह सकता, पर बात अच्छी है।",
        "बधाई हो!",
    ],
}

FILLINGS = {
    "en": {
        "place": "library|bakery|station|museum|pool|post office|market|workshop",
        "way": "canal|river|old railway|long way|coast path",
        "work": "the kitchen shelves|chapter three|the tax return|a scarf|the bicycle repair|my first half marathon",
        "thing": "toaster|notebook|pot of tea|sourdough loaf|raincoat|second-hand lens|lemon cake|desk lamp",
        "span": "an hour|two weeks|three days|half a year|a whole afternoon",
        "weather": "Rain|Fog|Sun at last|Wind|Snow, of all things|Drizzle",
        "topic": "lighthouses|the history of paper|urban foxes|tide tables|knots|slow trains|old typefaces|bread",
    },
    "es": {
        "place": "la biblioteca|la panadería|la estación|el mercado|el taller",
        "work": "las estanterías|el tercer capítulo|la declaración|la bufanda|arreglar la bici",
        "thing": "una tostadora|un cuaderno|un té|un pan de masa madre|un paraguas",
        "span": "una hora|dos semanas|tres días|medio año",
        "weather": "llueve|hay niebla|por fin sale el sol|hace viento",
        "topic": "los faros|la historia del papel|los trenes lentos|las mareas|el pan",
    },
    "de": {
        "place": "zur Bibliothek|zum Bahnhof|zum Markt|zur Werkstatt|ins Museum",
        "work": "das Küchenregal|Kapitel drei|die Steuererklärung|der Schal|die Fahrradreparatur",
        "thing": "ein Notizbuch|eine Kanne Tee|ein Sauerteigbrot|eine Regenjacke|ein Stück Kuchen",
        "span": "eine Stunde|zwei Wochen|drei Tage|ein halbes Jahr",
        "weather": "Regen|Nebel|Endlich Sonne|Wind|Schnee",
        "topic": "Leuchttürme|die Geschichte des Papiers|langsame Züge|Knoten|alte Schriften|Brot",
    },
    "fr": {
        "place": "à la bibliothèque|à la boulangerie|à la gare|au marché|à l’atelier",
        "work": "les étagères|le chapitre trois|la déclaration d’impôts|l’écharpe|la réparation du vélo",
        "thing": "un grille-pain|un carnet|un thé|un pain au levain|un imperméable",
        "span": "une heure|deux semaines|trois jours|six mois",
        "weather": "De la pluie|Du brouillard|Enfin du soleil|Du vent",
        "topic": "les phares|l’histoire du papier|les trains lents|les marées|le pain",
    },
    "zh": {
        "place": "图书馆|面包店|火车站|菜市场|邮局",
        "work": "写完第三章|修好自行车|织完围巾|交完作业|跑完半马",
        "thing": "笔记本|热茶|雨衣|柠檬蛋糕|台灯",
        "span": "一个小时|两个星期|三天|半年",
        "weather": "下雨|有雾|终于放晴|刮大风|下雪",
        "topic": "灯塔|造纸史|慢火车|潮汐|老字体|面包",
    },
    "ja": {
        "place": "図書館|パン屋|駅|市場|郵便局",
        "work": "第三章を書き終えました|自転車を直しました|マフラーが編めました|確定申告が済みました",
        "thing": "ノート|お茶|レインコート|トースター|電気スタンド",
        "span": "一時間|二週間|三日|半年",
        "weather": "雨|霧|やっと晴れ|風が強い日|雪",
        "topic": "灯台|紙の歴史|各駅停車|潮の満ち引き|古い書体|パン",
    },
    "ar": {
        "place": "المكتبة|المخبز|المحطة|السوق|مكتب البريد",
        "work": "الفصل الثالث|رفوف المطبخ|إصلاح الدراجة|الوشاح",
        "thing": "دفتر|إبريق شاي|معطف مطر|مصباح",
        "span": "ساعة|أسبوعين|ثلاثة أيام|نصف سنة",
        "weather": "مطر|ضباب|شمس أخيرًا|ريح",
        "topic": "المنارات|تاريخ الورق|القطارات البطيئة|المد والجزر|الخبز",
    },
    "hi": {
        "place": "पुस्तकालय|बेकरी|स्टेशन|बाज़ार|डाकघर",
        "work": "तीसरा अध्याय|रसोई की अलमारी|साइकिल की मरम्मत|मफ़लर",
        "thing": "टोस्टर|नोटबुक|रेनकोट|टेबल लैंप",
        "span": "एक घंटा|दो हफ़्ते|तीन दिन|आधा साल",
        "weather": "बारिश है|कोहरा है|आख़िर धूप निकली|तेज़ हवा है",
        "topic": "दीपस्तंभों|काग़ज़ के इतिहास|धीमी रेलगाड़ियों|ज्वार-भाटे|रोटी",
    },
}
FILLINGS = {
    language: {gap: words.split("|") for gap, words in gaps.items()} for language, gaps in FILLINGS.items()
}


class Voice:
    """One person's sentences: all sentences in their language in random order, never the same twice in a row."""

    def __init__(self, rng, language):
        sentences = SENTENCES[language]
        self.language = language
        self.sentences = cycle(rng.sample(sentences, len(sentences)))

    def write(self, rng, names):
        """Return a text for a post. It may mention the usernames in `names`."""
        return fill(rng, self.language, next(self.sentences), names)


def answer(rng, language, name):
    """Return a text for a reply to the person with that username. One in five mentions them."""
    text = fill(rng, language, rng.choice(REPLIES[language]), [name])
    return f"@{name} {text}" if rng.random() < 0.2 else text


def fill(rng, language, sentence, names):
    """Return `sentence`, in that language, with random words in its gaps and one of the usernames in the gap for a person."""
    return sentence.format_map(Gaps(rng, {**FILLINGS[language], "who": names, "number": range(1000)}))


class Gaps(dict):
    """Chooses words for the gaps that a sentence has, and not for others."""

    def __init__(self, rng, words):
        super().__init__()
        self.rng, self.words = rng, words

    def __missing__(self, gap):
        word = self.rng.choice(self.words[gap])
        return f"@{word}" if gap == "who" else word
