"""Details that only a browser shows: what moves, what lines up, what is easy to touch, and what closes again."""

import re

import pytest
from django.utils import timezone, translation
from playwright.sync_api import expect

from accounts.tests.factories import UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory
from socializer.tests.browser.conftest import log_in, write_now
from socializer.tests.browser.test_every_page import (
    LOCALES,
    pages_of_a_member,
    pages_of_a_visitor,
    with_an_edited_post,
)

SMALLEST = 44
# Names of ordinary length, and the longest.
NAMES = [
    ("bartholomew", "Bartholomew Featherstone"),
    ("maximilian_weber", "Maximilian Weber"),
    ("zoe", "Zoë von und zu Donaudampfschifffahrt"),
    ("salma_al_fihri", "سلمى بنت عبد الرحمن الفهري القرشية"),
    ("maria_delgado", "María Delgado"),
    ("w" * 40, "Jo"),
    ("plain_username", ""),
]
LAYOUT_SHIFT = """() => {
  window.shift = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shift += entry.value }))
    .observe({ type: "layout-shift", buffered: false });
}"""
# Links and buttons that a finger may miss. Those in running text are as high as its lines.
SMALL_TARGETS = """(smallest) => {
  const running = ".post-text, p, li, dd, .help, .lede, .empty";
  const inText = (element) => {
    const block = element.closest(running);
    if (!block) return false;
    if (block.matches(".post-text")) return true;
    const text = [...block.childNodes].filter((node) => node.nodeType === 3 || !node.matches?.("a, button, strong"));
    return text.some((node) => /[\\p{L}]{2}/u.test(node.textContent));
  };
  const found = [];
  for (const element of document.querySelectorAll("a[href], button, summary, input, select, textarea")) {
    const { width, height: own } = element.getBoundingClientRect();
    // The links to authors also cover their pictures.
    const after = getComputedStyle(element, "::after");
    const height = after.position === "absolute" ? Math.max(own, parseFloat(after.height)) : own;
    if (!element.checkVisibility({ visibilityProperty: true }) || width <= 1 || element.type === "hidden") continue;
    if (element.matches(".skip-link, [type=checkbox], [type=radio]") || inText(element)) continue;
    if (height < smallest || width < Math.min(smallest, 24)) found.push(`${element.outerHTML.slice(0, 90)} ${width}x${height}`);
  }
  return found;
}"""
BASELINE = """(element) => {
  const mark = document.createElement("span");
  mark.style.display = "inline-block";
  element.prepend(mark);
  const { bottom } = mark.getBoundingClientRect();
  mark.remove();
  return bottom;
}"""


def left_of_text(locator):
    """Return where the first letter of an element begins."""
    return locator.evaluate(
        "element => { const range = document.createRange(); range.selectNodeContents(element);"
        " return Math.min(...[...range.getClientRects()].map((box) => box.left)) }"
    )


@pytest.mark.parametrize("path", ["/@cleo/", "/@bob/", "/users/"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_follow_button_changes_once_and_keeps_its_width(open_page, network, path, width):
    page = open_page(width, reduced_motion="reduce")
    log_in(page, "ada")
    page.goto(path)
    waiting = []
    page.route("**/*follow/", lambda route: waiting.append(route))
    button = page.locator(".follow-button").first
    label, before = button.inner_text(), button.bounding_box()
    page.evaluate(LAYOUT_SHIFT)
    button.click()
    page.mouse.move(0, 0)
    pressed = button.inner_text()
    assert {label, pressed} == {"Follow", "Following"}
    assert button.bounding_box() == before
    looks = button.evaluate(
        "button => [getComputedStyle(button).color, getComputedStyle(button).backgroundColor]"
    )
    with page.expect_response("**/*follow/"):
        waiting[0].continue_()
    action = "unfollow" if pressed == "Following" else "follow"
    expect(page.locator(".follow-form").first).to_have_attribute("action", re.compile(f"/{action}/$"))

    assert button.inner_text() == pressed
    assert button.bounding_box() == before
    assert looks == button.evaluate(
        "button => [getComputedStyle(button).color, getComputedStyle(button).backgroundColor]"
    )
    expect(page.get_by_role("button", name=pressed, exact=True).first).to_be_visible()
    assert page.evaluate("window.shift") == 0


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_names_and_time_are_on_one_line(open_page, network, width, language):
    """Also beside "edited" and the date of another year, which is the longest time."""
    posts = []
    for username, name in NAMES:
        author = UserFactory(username=username, display_name=name)
        posts += [PostFactory(author=author), PostFactory(author=author, edited_on=timezone.now())]
    page = open_page(width, locale=LOCALES[language])
    with translation.override(language):
        log_in(page, "ada")
    page.goto("/explore/")
    for post in posts:
        card = page.locator(f"#post-{post.pk}")
        name, time = card.locator(".name, .username").first, card.locator("time")
        assert abs(name.evaluate(BASELINE) - time.evaluate(BASELINE)) < 3, post.author
        author, when = card.locator(".post-author").bounding_box(), time.bounding_box()
        assert author["height"] < 1.5 * name.bounding_box()["height"], post.author
        assert author["x"] + author["width"] <= when["x"], post.author
        column = card.locator(".post-text").bounding_box()
        assert abs(when["x"] + when["width"] - column["x"] - column["width"]) < 2
        assert abs(name.bounding_box()["x"] - card.locator(".post-text").bounding_box()["x"]) < 2
        expect(card.locator(".username")).to_have_attribute(
            "title", f"{post.author.display_name} @{post.author.username}".strip()
        )


@pytest.mark.parametrize(
    ("username", "name", "expected"),
    [
        ("maria", "Maria", ("whole", "whole")),
        ("m" * 40, "Maria", ("whole", "shortened")),
        ("maria", "M" * 40, ("shortened", "shortened")),
        ("salma", "سلمى" * 10, ("shortened", "shortened")),
        ("m" * 40, "", ("shortened",)),
    ],
)
def test_a_username_is_shortened_before_a_name(open_page, network, username, name, expected):
    post = PostFactory(author=UserFactory(username=username, display_name=name))
    page = open_page(320)
    log_in(page, "ada")
    page.goto("/explore/")
    names = page.locator(f"#post-{post.pk}").locator(".name, .username")

    shown = names.evaluate_all(
        "all => all.map((each) => each.scrollWidth > each.clientWidth ? 'shortened' : 'whole')"
    )
    assert tuple(shown) == expected
    assert names.last.bounding_box()["width"] >= 24


def test_the_link_to_an_author_does_not_cover_the_text(open_page, network):
    post = PostFactory(author=network["bob"], content="@cleo is mentioned")
    page = open_page(390)
    page.goto("/explore/")
    page.locator(f"#post-{post.pk}").get_by_role("link", name="@cleo").click()

    page.wait_for_url("**/@cleo/")


def test_right_to_left_names_begin_where_the_column_does(open_page, network):
    person = UserFactory(username="salma", display_name="سلمى")
    ada = network["ada"]
    ada.follow(person)
    PostFactory(author=person, content="مرحبا @demo")
    page = open_page(390)
    log_in(page, "ada")
    for path, around in (("/@ada/following/", ".person"), ("/explore/", ".post"), ("/@salma/", ".profile")):
        page.goto(path)
        row = page.locator(around).filter(has=page.get_by_text("@salma")).first
        name = row.locator("bdi").first
        column = row.locator(".person-text, .post-text, .profile-text").first.bounding_box()["x"]
        assert abs(left_of_text(name) - column) < 1, path


@pytest.mark.parametrize("who", ["visitor", "member"])
def test_everything_that_is_pressed_is_large_enough_for_a_finger(open_page, network, who):
    network = with_an_edited_post(network)
    page = open_page(390, has_touch=True)
    paths = pages_of_a_visitor(network) if who == "visitor" else pages_of_a_member(network)
    if who == "member":
        log_in(page, "ada")
    found = {}
    for path in paths:
        if "/mail/" in path:
            continue  # A preview of an email, which has its own style.
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
        if small := page.evaluate(SMALL_TARGETS, SMALLEST):
            found[path] = small

    if found:
        pytest.fail("\n".join(f"{path} {each}" for path, small in found.items() for each in small))


@pytest.mark.parametrize("path", ["/", "/explore/", "/users/", "/help/", "/@bob/", "/@bob/following/"])
def test_the_sites_name_is_on_the_baseline_of_the_first_line(open_page, network, path):
    page = open_page(1280)
    log_in(page, "ada")
    page.goto(path)
    first = page.locator("main h1:not(.visually-hidden), main form.compose label").first

    assert abs(page.locator(".site-name").evaluate(BASELINE) - first.evaluate(BASELINE)) <= 1


def test_boxes_begin_where_the_text_of_the_column_does(open_page, network):
    page = open_page(390)
    log_in(page, "ada")
    for path in (f"/posts/{network['other'].pk}/report/", "/users/leave/"):
        page.goto(path)
        column = page.locator("main h1").bounding_box()["x"]
        boxes = page.locator("main :is([type=checkbox], [type=radio])")
        assert boxes.count()
        assert {boxes.nth(n).bounding_box()["x"] for n in range(boxes.count())} == {column}


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_post_has_a_menu(open_page, network, javascript):
    post = write_now(network["ada"])[0]
    page = open_page(390, java_script_enabled=javascript)
    log_in(page, "ada")
    page.goto("/")
    own = page.locator(f"#post-{post.pk}")
    height = own.bounding_box()["height"]
    own.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(own.get_by_role("link", name="Edit")).to_be_visible()
    assert own.bounding_box()["height"] == height
    if javascript:
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect(own.get_by_role("link", name="Delete")).to_be_hidden()
        expect(own.locator("summary")).to_be_focused()
        page.keyboard.press("Enter")
        page.mouse.click(5, 400)
        expect(own.get_by_role("link", name="Delete")).to_be_hidden()
    Post.objects.filter(pk=post.pk).update(created_on="2020-01-01T00:00Z")
    page.goto("/")
    own.locator("summary").click()
    expect(own.get_by_role("link", name="Edit")).to_have_count(0)
    own.get_by_role("link", name="Delete").click()
    page.get_by_role("link", name="Cancel").click()
    page.goto("/explore/")
    other = page.locator(f"#post-{network['other'].pk}")
    other.locator("summary").click()
    other.get_by_role("link", name="Report").click()
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url(f"**/posts/{network['other'].pk}/")


def test_a_message_can_be_dismissed(open_page, network):
    page = open_page(390)
    log_in(page, "ada")
    page.goto("/@bob/block/")
    page.get_by_role("button", name="Block @bob").click()
    message = page.get_by_text("You've blocked @bob.")
    expect(message).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()

    expect(message).to_have_count(0)
    expect(page.locator("main")).to_be_focused()
    plain = open_page(390, java_script_enabled=False, storage_state=page.context.storage_state())
    plain.goto("/@cleo/block/")
    plain.get_by_role("button", name="Block @cleo").click()
    expect(plain.get_by_text("You've blocked @cleo.")).to_be_visible()
    expect(plain.get_by_role("button", name="Dismiss")).to_have_count(0)


def test_the_landing_page_has_one_filled_button(open_page, network):
    page = open_page(1280)
    page.goto("/")
    filled = page.locator("a, button").evaluate_all(
        "all => all.filter((each) => getComputedStyle(each).borderRadius !== '0px' &&"
        " !['rgba(0, 0, 0, 0)', 'transparent'].includes(getComputedStyle(each).backgroundColor)).map((each) => each.textContent)"
    )

    assert filled == ["Sign up"]


def test_one_device_can_be_logged_out(open_page, network):
    other = open_page(390)
    log_in(other, "ada")
    page = open_page(390)
    log_in(page, "ada")
    page.goto("/users/sessions/")
    button = page.get_by_role("main").get_by_role("button", name="Log out", exact=True)
    expect(button).to_have_count(1)
    button.click()

    expect(page.get_by_text("That device is logged out.")).to_be_visible()
    expect(button).to_have_count(0)
    other.goto("/users/settings/")
    other.wait_for_url("**/users/login/**")
