"""Texts as a real browser shows, counts and links them."""

import pytest
from playwright.sync_api import expect

from accounts.common.text import clean_line, clean_text, count_characters
from accounts.models import User
from accounts.moderation.models import Report
from posts.rendering.text import render_content
from posts.tests.factories import PostFactory
from socializer.tests.browser.conftest import log_in
from socializer.tests.browser.test_writing import SAMPLES

FAMILY = "👨‍👩‍👧‍👦"


def post_box(page, post):
    return page.locator(f"#post-{post.pk} .post-text")


def height(page, author, content):
    post = PostFactory(author=author, content=content)
    page.goto(f"/posts/{post.pk}/")
    return post_box(page, post).bounding_box()["height"]


@pytest.mark.parametrize(
    "blank", [" ", "\u200b", "\u3164", "\u2800", "\t", "\u00a0" * 9, "\u00ad", "\ufeff", "\u2028"]
)
def test_blank_lines_take_no_room_whatever_they_hold(open_page, network, blank):
    page = open_page(390)
    three = height(page, network["bob"], "one\n\ntwo")

    assert height(page, network["bob"], "one" + f"\n{blank}" * 240 + "\ntwo") == three


def test_white_space_is_shown_as_typed(open_page, network):
    page = open_page(390)
    code = "def f():\n    if x:\n\treturn  1"
    post = PostFactory(author=network["bob"], content=code)
    network["ada"].bio = code
    network["ada"].save()
    page.goto(f"/posts/{post.pk}/")

    assert post_box(page, post).inner_text() == code
    page.goto("/@ada/")
    assert page.locator(".profile-bio").inner_text() == code


@pytest.mark.parametrize(
    "content",
    [
        "x" * 500,
        " " * 499 + "x",
        "\t" * 400 + "x",
        "\u00a0" * 499 + "x",
        "\u3164" * 499 + "x",
        "x" + " " * 498 + "x",
        "https://" + ".".join(["a" * 60] * 4) + ".example/" + "b" * 200,
        "﷽" * 200,
    ],
)
def test_no_text_makes_the_page_wide(open_page, network, content):
    page = open_page(320)
    post = PostFactory(author=network["bob"], content=content)
    User.objects.filter(pk=network["bob"].pk).update(bio=content[:300])
    for address in (f"/posts/{post.pk}/", "/explore/", "/@bob/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


# What URLs are typed in to deceive, and what browsers read in a way of their own.
ADDRESSES = [
    "https://www.paypal.com-login-secure-account-verify-now@evil.example/x",
    "https://good.example\\@evil.example",
    "https://good.example/\\@evil.example",
    "https:///evil.example/",
    "https://good.example#@evil.example",
    "https://good.example?@evil.example",
    "https://a@b@evil.example:8080/",
    "https://good.example:80@evil.example",
    "https://good.example\t@evil.example",
    "https://good%2eexample/ https://good.example%2f@evil.example",
    "https://good.example／@evil.example https://good.example。evil.example",
    "https://good.example\u2044evil.example https://good.example\uff03.evil.example",
    "https://pay\u00adpal.com/ https://pay\ufe0fpal.com/",
    "https://MÜNCHEN.example/ https://straße.example/ https://ς.example/",
    "https://аррӏе.com/ https://pаypal.com/ https://пример.рф/",
    "https://例子.测试/路径 https://日本語.example https://ｅｘａｍｐｌｅ.com/",
    "http://2130706433/ http://0x7f.1/ http://127.0.0.1/ http://１２７.0.0.1/ http://0177.0.0.1/",
    "http://[2001:DB8::1]:8080/x http://[::ffff:1.2.3.4]/ http://[::g]/",
    "https://good.example./x https://a..b/ https://foo_bar.example/ https://-a-.example/",
    "https://good.example:0080/ https://good.example:99999/ https://good.example:443/",
    "https://xn--mnchen-3ya.example/ https://xn--a/ https://xn--.example/",
    "HTTPS://EXAMPLE.com/%00/../x https://ﬀ.example/ https://Ⅷ.example/ https://℡.example/",
]


def test_links_lead_to_the_host_that_they_show(open_page, network):
    page = open_page()
    page.goto("/")
    found = []
    for addresses in ADDRESSES:
        found += page.evaluate(
            """html => {
              const { body } = new DOMParser().parseFromString(html, "text/html");
              const hostOf = address => URL.canParse(address) ? new URL(address).host : "";
              return [...body.querySelectorAll("a")].map(a => [a.textContent, hostOf(a.href), hostOf(`${a.protocol}//${a.textContent}`)]);
            }""",
            render_content(addresses, {}),
        )
    assert len(found) > 20
    for shown, leads_to, shown_host in found:
        assert leads_to == shown_host, shown
        assert "@evil" not in shown.partition("#")[0].partition("?")[0]


def test_in_a_text_from_right_to_left_a_link_begins_with_its_host(open_page, network):
    page = open_page()
    post = PostFactory(author=network["bob"], content="שלום https://evil.example/אבג.paypal.com")
    page.goto(f"/posts/{post.pk}/")
    left = """link => ["evil", "paypal"].map(word => {
        const range = document.createRange(), text = link.firstChild;
        range.setStart(text, text.data.indexOf(word));
        range.setEnd(text, text.data.indexOf(word) + word.length);
        return range.getBoundingClientRect().left;
    })"""
    evil, paypal = post_box(page, post).locator("a").evaluate(left)

    assert evil < paypal


MORE = [
    "    def f():\n\treturn",
    "\n \u3164\n  x\n\u200b\n",
    "a\x0bb\x0cc\x85d\u2028e\u2029f",
    "a\n\n\nb",
    "\u2800\n\u0600\n",
    "\ufeff",
]


@pytest.mark.parametrize(
    ("name", "characters", "clean"), [("display_name", 50, clean_line), ("bio", 300, clean_text)]
)
def test_the_settings_count_as_the_server_does(open_page, network, name, characters, clean):
    page = open_page()
    log_in(page, "ada")
    page.goto("/users/settings/profile/")
    faults = []
    for sample in [*SAMPLES, *MORE]:
        left = page.evaluate(
            """([id, text]) => {
              const field = document.getElementById(id);
              field.value = text;
              field.dispatchEvent(new Event("input"));
              return [field.value, document.querySelector(`output[for=${id}]`).textContent];
            }""",
            [f"id_{name}", sample],
        )
        # An input takes line breaks out by itself.
        typed, shown = left
        if shown != str(characters - count_characters(clean(typed))):
            faults.append((sample, shown))

    assert faults == []


def test_as_many_emoji_as_letters_can_be_typed_into_a_name(open_page, network):
    page = open_page()
    log_in(page, "ada")
    page.goto("/users/settings/profile/")
    name, bio = page.get_by_label("Display name"), page.get_by_label("About you")
    name.fill("")
    page.keyboard.insert_text(FAMILY * 50)
    assert name.input_value() == FAMILY * 50
    name.fill(FAMILY * 51)
    expect(page.locator("output[for=id_display_name]")).to_have_text("-1")
    name.fill(FAMILY * 50)
    bio.fill("\n".join(["é" * 29] * 10) + "é")
    expect(page.locator("output[for=id_bio]")).to_have_text("0")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").get_by_text("Saved.")).to_be_visible()

    network["ada"].refresh_from_db()
    assert network["ada"].display_name == FAMILY * 50
    assert count_characters(network["ada"].bio) == 300


def test_a_note_to_the_moderators_is_counted_too(open_page, network):
    page = open_page()
    log_in(page, "ada")
    page.goto(f"/posts/{network['other'].pk}/report/")
    page.get_by_label("It's spam").check()
    note = page.locator("#id_note")
    note.fill("👍" * 501)
    expect(page.locator("output[for=id_note]")).to_have_text("-1")
    note.fill("👍" * 500)
    page.get_by_role("button", name="Report").click()
    expect(page.get_by_role("status")).to_be_visible()

    assert Report.objects.get().note == "👍" * 500
