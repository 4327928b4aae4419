"""Where links start and end. The host that is shown is the host that a browser opens."""

import html
import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posts.rendering.links import displayed_host, find_links
from posts.rendering.text import mentioned_names, render_content

LINK = re.compile(r'<a href="([^"]*)" rel="nofollow ugc noopener"(?: dir="ltr")?>([^<]*)</a>')


def links(text):
    return [link.url for link in find_links(text)]


def rendered(text):
    """Return the (URL, text) of each link, as a browser reads them from the HTML."""
    return [tuple(map(html.unescape, pair)) for pair in LINK.findall(render_content(text, {}))]


A, REPO = "https://example.com/a", "https://example.com/repo"


@pytest.mark.parametrize(
    "text",
    [
        "请看{}，谢谢",
        "（{}）",
        "“{}”",
        "‘{}’",
        "„{}“",
        "«{}»",
        "‹{}›",
        "「{}」と『見て』",
        "《{}》",
        "〈{}〉",
        "【{}】",
        "看{}。好",
        "{}、{}",
        "{}！",
        "{}？",
        "{}：好",
        "{}；好",
        "{}…",
        "{}...",
        "{}——好",
        "{}—and so on",
        "{}–and so on",
        "{}‥",
        "{}～",
        "{}１２３",
        "{}ＡＢＣ",
        "{}\u3000好",
        "{}\u00a0x",
        "{}\nx",
        "{}\u200bx",
        "{}’s",
        "{}，@ada",
        "**{}**",
        "*{}*",
        "_{}_",
        "~~{}~~谢谢",
        "__{}__",
        "`{}`",
        "<{}>",
        '"{}"',
        "'{}'",
        '{{"url":"{}","b":"c"}}',
        "({})",
        "[{}]",
        "[text]({})",
        "({})谢谢",
        "{}.",
        "{},",
        "{};",
        "{}:",
        "{}!",
        "{}?",
        "{}).",
        "🙂{}🙂",
        "看{}这个项目",
        "{}を見て",
        "{}를 보세요",
        "ดู{}นะ",
        "смотри{}",
        "1){}",
        "…{}",
    ],
)
def test_where_links_end_in_any_script(text):
    address_count = text.count("{}")
    for address in (A, REPO):
        assert links(text.format(*[address] * address_count)) == [address] * address_count


@pytest.mark.parametrize(
    "after", ["请看", "，谢谢", "。", "”", "）", "_", "**", "~~", "...", " ", "👍", "/", "?", "!"]
)
def test_where_a_link_without_a_path_ends(after):
    assert links(f"看https://example.com{after}") == ["https://example.com" + "/" * (after == "/")]


@pytest.mark.parametrize(
    "address",
    [
        "https://zh.wikipedia.org/wiki/维基百科",
        "https://zh.wikipedia.org/wiki/维基百科C语言_(消歧义)",
        "https://zh.wikipedia.org/wiki/卡尔·马克思",
        "https://zh.wikipedia.org/wiki/Java_(消歧义)",
        "https://zh.wikipedia.org/wiki/Help:目录",
        "https://ja.wikipedia.org/wiki/ジョン・レノン",
        "https://ko.wikipedia.org/wiki/대한민국",
        "https://fa.wikipedia.org/wiki/می\u200cخواهم",
        "https://hi.wikipedia.org/wiki/हिन्दी",
        "https://ru.wikipedia.org/wiki/Москва",
        "https://de.wikipedia.org/wiki/Käse",
        "https://en.wikipedia.org/wiki/A_(b)",
        "https://en.wikipedia.org/wiki/A_(b)_(c)",
        "https://example.com/?q=东京",
        "https://example.com/~用户/",
        "https://example.com/a?b=c&d[]=e#f,g",
        "https://example.com/@ada",
        "https://example.com/a--b/c_d/e'f",
        "https://example.com/%E4%B8%AD",
        "https://github.com/a/b/compare/v1...v2",
        "https://foo_bar.example.com/",
        "http://my_service:8080/x",
        "http://[2001:db8::1]:8080/x",
        "http://[::1]",
        "http://127.0.0.1:8000/x",
        "http://localhost",
        "http://intranet/x",
        "https://例子.测试/路径",
        "https://münchen.example/",
        "https://l·l.example/",
        "https://xn--mnchen-3ya.example/",
        "https://good.example./x",
        "https://a--b.example/",
        "HTTPS://EXAMPLE.COM/A",
    ],
)
def test_urls_that_are_links_as_a_whole(address):
    assert links(address) == [address]
    assert links(f"（{address}）") == [address]


@pytest.mark.parametrize(
    "text",
    [
        "https://",
        "https:///example.com",
        "https://\\example.com",
        "https:/example.com",
        "https:\\\\example.com",
        "https://good.example\\@evil.example",
        "https://good.example\\.evil.example",
        "https://good.example:80\\@evil.example",
        "https://good%2eexample/",
        "https://good.example%2f@evil.example%2f",
        "https://good.example%00.evil.example/",
        "https://pay\u00adpal.com/",
        "https://pay\u200bpal.com/",
        "https://pay\u2060pal.com/",
        "https://a..b/",
        "https://.example/",
        f"https://{'a' * 64}.example/",
        f"https://{'a.' * 130}example/",
        "http://2130706433/",
        "http://127.1/",
        "http://0x7f.0.0.1/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://256.1.1.1/",
        "http://1.2.3.4.5/",
        "http://１２７.１/",
        "http://[::g]/",
        "http://[::1%25eth0]/",
        "http://[1.2.3.4]/",
        "https://good.example:99999/",
        "https://good.example:8080808/",
        "https://user@x",
        "https://x",
        "https://i❤.ws/",
        "git+https://example.com/",
        "xhttps://example.com/",
        "ftp://example.com/ javascript://example.com/%0aalert(1) //example.com",
    ],
)
def test_an_ambiguous_url_is_not_a_link(text):
    assert links(text) == []


@pytest.mark.parametrize(
    ("text", "url", "displayed"),
    [
        (
            "https://www.paypal.com-login-secure-account-verify-now@evil.example/x",
            "https://evil.example/x",
            "evil.example/x",
        ),
        ("https://ada:secret@evil.example:8080/x?y#z", "https://evil.example:8080/x?y#z", None),
        ("https://a@b@evil.example", "https://evil.example", "evil.example"),
        ("https://good.example:80@evil.example", "https://evil.example", "evil.example"),
        ("https://@evil.example/", "https://evil.example/", "evil.example"),
        ("https://good.example／@evil.example", "https://good.example", "good.example"),
        ("https://good.example\uff03@evil.example", "https://good.example", "good.example"),
        ("https://good.example#@evil.example", "https://good.example#@evil.example", None),
        ("https://good.example?@evil.example", "https://good.example?@evil.example", None),
        ("https://good.example/\\@evil.example", "https://good.example/", "good.example"),
        ("https://https://example.com", "https://example.com", "example.com"),
        ("http://ｅｘａｍｐｌｅ.com/x", "http://example.com/x", "example.com/x"),
        ("http://１２７.０.０.１/", "http://127.0.0.1/", "127.0.0.1"),
        ("https://EXAMPLE.com/", "https://EXAMPLE.com/", "EXAMPLE.com"),
        ("https://MÜNCHEN.example/", "https://münchen.example/", "münchen.example"),
        # Other programs, or people, read these as other hosts.
        ("https://straße.example/", "https://xn--strae-oqa.example/", "xn--strae-oqa.example"),
        ("https://όμορφος.example/a", "https://xn--xxagahgw2b.example/a", None),
        ("https://نامه\u200cای.example/a", "https://xn--mgba3gch31f060k.example/a", None),
        ("https://pаypal.com/", "https://xn--pypal-4ve.com/", "xn--pypal-4ve.com"),
        ("https://аррӏе.com/", "https://xn--80ak6aa92e.com/", "xn--80ak6aa92e.com"),
        ("https://com.comノx.evil.example/a", "https://com.xn--comx-xq4c.evil.example/a", None),
        ("https://pay\ufe0fpal.com/", "https://paypal.com/", "paypal.com"),
        ("https://пример.com/", "https://пример.com/", "пример.com"),
    ],
)
def test_the_text_and_the_url_of_links(text, url, displayed):
    assert rendered(text) == [(url, displayed or url.split("//")[1])]


HOSTS = st.one_of(
    st.from_regex(r"[a-z0-9_-]{1,70}(\.[a-z0-9-]{1,70}){0,5}", fullmatch=True),
    st.from_regex(r"[aéßоα例나のノ０１a.\u00ad\u200d。．/\\@:%#?\[\]-]{1,20}", fullmatch=True),
    st.sampled_from(["[::1]", "[::ffff:1.2.3.4]", "127.0.0.1", "0x7f.1", "good.example"]),
)
RESTS = st.text(alphabet="ab/?#@:.\\()[]{}<>\"'*_~&=%,;! \t\n请，。”）ー・é🇩🇪👨\u200d👩\u0301", max_size=80)


@given(HOSTS, RESTS)
def test_the_host_that_is_shown_is_the_one_that_is_linked(host, rest):
    text = f"https://{host}{rest}"
    for url, displayed in rendered(text):
        parts = urlsplit(url)
        # The text starts with the whole host.
        assert displayed.removeprefix(parts.netloc)[:1] in ("", "/", "?", "#", "…")
        assert displayed.startswith(parts.netloc)
        assert parts.username is None
        # A browser parses the URL in the same way.
        assert re.fullmatch(r"[\w.·-]+(:\d+)?|\[[0-9a-f:.]+\](:\d+)?", parts.netloc, re.I)
        assert not re.search(r'[\s\\<>"`]', url)


@given(st.text(alphabet="ht ps:/.exampl@请，。”）()*_~\n", max_size=60) | HOSTS | RESTS)
def test_the_text_around_links_is_unchanged(text):
    text = f"https://example.com/{text} https://example.org {text}"
    position = 0
    for link in find_links(text):
        assert position <= link.start < link.end
        assert text[link.start : link.start + 4].lower() == "http"
        # At most, the user information is gone and the host has another form.
        assert text[link.start : link.end].endswith(link.rest)
        position = link.end


def test_a_long_host_is_shown_in_full_and_only_the_path_is_truncated():
    host = "paypal.com." + "a" * 60 + ".evil.example:8080"
    flags = "🇩🇪" * 60

    assert rendered(f"https://{host}/{'x' * 100}") == [(f"https://{host}/{'x' * 100}", f"{host}/…")]
    assert rendered(f"https://{host}/") == [(f"https://{host}/", host)]
    assert rendered("https://example.org/" + "x" * 100)[0][1] == "example.org/" + "x" * 27 + "…"
    ((_url, displayed),) = rendered("https://example.org/" + "é" * 100 + flags)
    assert displayed == "example.org/" + "é" * 27 + "…"
    assert render_content("https://example.org/" + "e\u0301" * 50, {}).count("e\u0301") == 50 + 27


def test_a_mention_next_to_a_link_is_linked_but_not_one_inside():
    assert mentioned_names("https://example.com/@ada https://ada@x.example/@bob") == []
    assert mentioned_names("请看https://example.com/a，@ada说（@bob）") == ["ada", "bob"]


def test_invalid_hosts():
    assert [displayed_host(host) for host in ("", ".", "-é.a", "é..a", "xn--\u00e9.example")] == [None] * 5


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("see www.example.com.", ("https://www.example.com", "www.example.com")),
        (
            "(www.example.com/a_(b)?c=d), ok",
            ("https://www.example.com/a_(b)?c=d", "www.example.com/a_(b)?c=d"),
        ),
        ("请看www.example.com，谢谢", ("https://www.example.com", "www.example.com")),
        ("WWW.Example.COM!", ("https://WWW.Example.COM", "WWW.Example.COM")),
        ("www.bücher.example/ü", ("https://www.bücher.example/ü", "www.bücher.example/ü")),
        ("www.аррӏе.com", ("https://www.xn--80ak6aa92e.com", "www.xn--80ak6aa92e.com")),
        ("www.example.com:8080/x", ("https://www.example.com:8080/x", "www.example.com:8080/x")),
    ],
)
def test_a_host_that_starts_with_www_is_a_link(text, link):
    assert rendered(text) == [link]


@pytest.mark.parametrize(
    "text",
    [
        "www.example", "www.", "www", "www..example.com", "awww.example.com", "ada@www.example.com", "@www.example.com", "www.1.2.3",
        "www.example.com@evil.example", "ftp://www.example.com", "x.www.example.com", "www.example.com\\x", "www.example.com%2e",
        "www." + "a" * 300 + ".com", "-www.example.com/",
    ],
)  # fmt: skip
def test_text_that_only_begins_like_a_host_is_not_a_link(text):
    assert rendered(text) == []


def test_a_link_with_a_scheme_is_one_link():
    assert links("https://www.example.com/www.example.org www.example.net") == [
        "https://www.example.com/www.example.org",
        "https://www.example.net",
    ]
