import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.templatetags.text import lines
from accounts.tests.factories import UserFactory
from posts.models import Post
from posts.rendering.text import mentioned_names, render_content, render_contents, render_text

URLS = {"ada": "/@ada/", "bob_2": "/@bob_2/"}


@pytest.mark.parametrize(
    ("content", "html"),
    [
        ("plain", "plain"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("one\ntwo\n\n\n\nthree", "one<br>two<br><br>three"),
        ("hello @ada, @Bob_2!", 'hello <a href="/@ada/">@ada</a>, <a href="/@bob_2/">@Bob_2</a>!'),
        ("(@ada) “@ada”", '(<a href="/@ada/">@ada</a>) “<a href="/@ada/">@ada</a>”'),
        ("@ada. @ada's", '<a href="/@ada/">@ada</a>. <a href="/@ada/">@ada</a>&#x27;s'),
        (
            "@nobody x@ada ada@ada.org @ada@example.org @@ada",
            "@nobody x@ada ada@ada.org @ada@example.org @@ada",
        ),
        ("我@ada说 @adaé é@ada", '我<a href="/@ada/">@ada</a>说 @adaé é@ada'),
        ("@ada.谢谢（@ada）", '<a href="/@ada/">@ada</a>.谢谢（<a href="/@ada/">@ada</a>）'),
        (
            "see https://example.org/@ada?a=1&b=2.",
            'see <a href="https://example.org/@ada?a=1&amp;b=2" rel="nofollow ugc noopener">example.org/@ada?a=1&amp;b=2</a>.',
        ),
        (
            "HTTP://EXAMPLE.org/",
            '<a href="HTTP://EXAMPLE.org/" rel="nofollow ugc noopener">EXAMPLE.org</a>',
        ),
        ("javascript:alert(1) data:text/html,x ftp://example.org mailto:ada@example.org", None),
        ("e.g. this.and that.com //example.org", None),
        (
            'https://example.org/"onmouseover="x',
            '<a href="https://example.org/" rel="nofollow ugc noopener">example.org</a>&quot;onmouseover=&quot;x',
        ),
    ],
)
def test_text_as_html(content, html):
    rendered = render_content(content, URLS)

    assert rendered == (content if html is None else html)


def test_white_space_is_left_to_the_style_sheet_or_made_hard():
    text = "    def f():\n\treturn 1  +  2\n see  https://example.org/ @ada"

    assert render_content(text, URLS).startswith("    def f():<br>\treturn 1  +  2<br> see  <a ")
    assert render_content(text, URLS, hard_spaces=True).startswith(
        "\u00a0\u00a0\u00a0 def f():<br>\u00a0\u00a0\u00a0 return 1\u00a0 +\u00a0 2<br>\u00a0see\u00a0 <a "
    )
    assert render_content(text, URLS, hard_spaces=True).endswith('</a> <a href="/@ada/">@ada</a>')


def test_plain_text_has_no_user_information():
    text = "  see https://paypal.com:x@evil.example/a，@ada\n\n\u200b\n\nhttps://good.example\\@x"

    assert render_text(text) == "  see https://evil.example/a，@ada\n\nhttps://good.example\\@x"


@pytest.mark.parametrize("blank", ["", " ", "\u200b", "\u3164", "\u2028", "\t\u00ad\ufeff", "\u2800"])
def test_blank_lines_are_folded_into_one(blank):
    text = f"{blank}\none" + f"\n{blank}" * 200 + f"\ntwo\n{blank}"

    assert render_content(text, URLS) == "one<br><br>two"


@given(st.text(alphabet="<>&\"'@ada/:. \nhtps", max_size=60))
def test_the_only_tags_are_links_and_line_breaks(content):
    html = render_content(content, URLS)

    allowed = html.replace("<br>", "")
    while "<a href=" in allowed:
        start, end = allowed.index("<a href="), allowed.index("</a>")
        assert start < end
        inner = allowed[start:end]
        allowed = allowed[:start] + inner[inner.index(">") + 1 :] + allowed[end + 4 :]
    assert "<" not in allowed
    assert ">" not in allowed


def test_names_in_email_addresses_are_not_mentions():
    assert mentioned_names("@Ada https://example.org/@bob x@cleo") == ["ada"]


def test_a_mention_is_not_linked_if_there_is_a_block(member, django_assert_num_queries):
    bob, cleo, dora = (UserFactory(username=name) for name in ("bob", "cleo", "dora"))
    member.block(bob)
    cleo.block(member)
    posts = [Post(author=author, content="@ada") for author in (bob, cleo, dora, member)]

    with django_assert_num_queries(1):
        render_contents(posts)

    link = '<a href="/@ada/">@ada</a>'
    assert [post.content_html for post in posts] == ["@ada", "@ada", link, link]


def test_only_visible_members_are_linked_with_one_query(member, django_assert_num_queries):
    UserFactory(username="gone").suspend()
    texts = ("@ada @gone @nobody", "@ADA", "plain")
    posts = [Post(author=member, content=content) for content in texts]

    with django_assert_num_queries(1):
        render_contents(posts)

    assert posts[0].content_html == '<a href="/@ada/">@ada</a> @gone @nobody'
    assert posts[1].content_html == '<a href="/@ada/">@ADA</a>'
    with django_assert_num_queries(0):
        render_contents([Post(content="plain")])


@pytest.mark.parametrize("text", ["مرحبا @demo و @ada", "שלום @demo ו @ada"])
def test_mentions_in_right_to_left_text_start_with_their_at_sign(text):
    rendered = render_content(text + " https://example.org/a", URLS)

    assert '<bdi dir="ltr">@demo</bdi>' in rendered
    assert '<a href="/@ada/" dir="ltr">@ada</a>' in rendered
    assert 'dir="ltr">example.org/a</a>' in rendered
    assert '<bdi dir="ltr">@demo</bdi>' in lines(text)
    assert "<bdi" not in render_content("Hello @demo", URLS) + lines("Hello @demo")
