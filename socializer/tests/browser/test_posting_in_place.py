"""With scripts, a post appears below the form, and everything else on the page stays."""

import pytest
from playwright.sync_api import expect

from accounts.tests.factories import UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory
from socializer.tests.browser.conftest import log_in

widths = pytest.mark.parametrize("width", [390, 1280])
# Shifts soon after a key or a press are expected ones, and browsers don't count them.
OBSERVE = """window.shift = 0; new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value;
}).observe({ type: "layout-shift", buffered: true })"""
QUICK = 400


def box(page):
    return page.get_by_label("New post")


def press_post(page):
    """Press "Post", and return within how many milliseconds the response was there."""
    button = page.get_by_role("button", name="Post", exact=True)
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        button.click()
    return answer.value.request.timing["responseEnd"]


TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def shift_after_posting(page, text, expected):
    """Post `text` and wait until `expected()` is visible. Returns the layout shift. Repeats it while this machine is slow."""
    for _attempt in range(5):
        box(page).fill(text)  # A long text makes the field grow.
        page.evaluate(TWO_FRAMES)
        page.evaluate("shift = 0")
        took = press_post(page)
        expect(expected()).to_be_visible()
        page.evaluate(TWO_FRAMES)
        if took < QUICK:
            break
    return page.evaluate("shift")


@widths
def test_the_post_appears_below_the_form_and_nothing_jumps(open_page, network, width):
    page = open_page(width)
    page.add_init_script(OBSERVE)
    log_in(page, "ada")
    page.evaluate("window.same = true")
    top = box(page).bounding_box()["y"]

    newest = page.get_by_role("article").first
    assert shift_after_posting(page, "Hello", lambda: newest.get_by_text("Hello", exact=True)) == 0
    expect(box(page)).to_have_value("")
    expect(newest).to_be_focused()
    newest.locator("summary").click()
    expect(newest.get_by_role("link", name="Edit")).to_be_visible()
    assert newest.bounding_box()["y"] > box(page).bounding_box()["y"] == top
    assert page.evaluate("window.same && scrollY === 0")
    expect(page.locator("[role=status]")).to_contain_text("Posted.")
    assert (
        page.evaluate("localStorage.getItem(Object.keys(localStorage).find(key => key.startsWith('draft')))")
        is None
    )
    assert page.trouble == []


@widths
def test_an_error_is_shown_in_place_and_the_next_attempt_works(open_page, network, width):
    page = open_page(width)
    page.add_init_script(OBSERVE)
    log_in(page, "ada")
    page.evaluate("window.same = true")

    assert shift_after_posting(page, "x" * 520, lambda: page.get_by_text("Remove 20.")) == 0
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_value("x" * 520)
    expect(page.locator("[data-counter]")).to_have_text("-20")
    expect(page.get_by_role("article")).to_have_count(20)
    box(page).fill("Shorter")
    press_post(page)

    expect(page.get_by_role("article").first).to_contain_text("Shorter")
    expect(page.get_by_text("Remove 20.")).to_have_count(0)
    assert page.evaluate("window.same")


def test_over_the_limit_the_message_has_the_focus(open_page, network, settings):
    settings.POST_LIMIT = (0, 600)
    page = open_page()
    log_in(page, "ada")
    box(page).fill("Too fast")
    press_post(page)

    expect(page.get_by_role("alert")).to_contain_text("Try again in")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(box(page)).to_have_value("Too fast")


def test_several_posts_one_after_the_other(open_page, network):
    page = open_page()
    log_in(page, "ada")
    for number in range(3):
        box(page).fill(f"Number {number}")
        press_post(page)
        expect(page.get_by_role("article").first).to_contain_text(f"Number {number}")

    assert Post.objects.filter(content__startswith="Number").count() == 3
    expect(page.get_by_role("article")).to_have_count(23)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("article")).to_have_count(43)


def test_the_first_post_appears_on_an_empty_page(open_page, transactional_db):
    UserFactory(username="ada")
    page = open_page(390)
    log_in(page, "ada")
    expect(page.get_by_text("You don't follow anyone yet.")).to_be_visible()
    box(page).fill("First")
    press_post(page)

    expect(page.get_by_role("article")).to_have_count(1)
    expect(page.get_by_text("You don't follow anyone yet.")).to_be_visible()


def test_a_draft_says_that_it_was_restored_and_can_be_discarded(open_page, network):
    page = open_page(390)
    log_in(page, "ada")
    expect(page.get_by_text("Draft restored.")).to_be_hidden()
    box(page).fill("Not yet")
    page.goto("/posts/add/")
    expect(page.get_by_text("Draft restored.")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(box(page)).to_have_value("")
    expect(box(page)).to_be_focused()
    expect(page.get_by_text("Draft restored.")).to_be_hidden()
    page.goto("/")
    expect(box(page)).to_have_value("")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_new_post_is_within_reach_on_every_page(open_page, network, javascript):
    page = open_page(390, java_script_enabled=javascript)
    log_in(page, "ada")
    page.goto("/@bob/")
    page.get_by_role("link", name="New post").click()
    box(page).fill("From anywhere")
    page.get_by_role("button", name="Post", exact=True).click()

    expect(page.get_by_role("article").first).to_contain_text("From anywhere")


def test_the_link_of_a_post_is_copied(open_page, network, settings):
    page = open_page(390, permissions=["clipboard-read", "clipboard-write"])
    post = PostFactory(author=network["bob"])
    page.goto(f"/posts/{post.pk}/")
    page.get_by_role("button", name="Copy link").click()

    expect(page.locator("[role=status]")).to_contain_text("Link copied.")
    expect(page.get_by_role("button", name="Link copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{settings.SITE_URL}/posts/{post.pk}/"
    assert page.trouble == []


def test_without_scripts_no_link_can_be_copied(open_page, network):
    page = open_page(java_script_enabled=False)
    page.goto(f"/posts/{network['other'].pk}/")

    expect(page.get_by_role("link", name="See it among")).to_be_visible()
    expect(page.get_by_text("Copy link")).to_be_hidden()


def test_nothing_can_be_typed_while_the_post_is_sent_because_it_would_be_lost(open_page, network):
    page = open_page()
    log_in(page, "ada")
    box(page).fill("Hello")
    sent = []
    page.route(
        "**/*", lambda route: sent.append(route) if route.request.method == "POST" else route.continue_()
    )
    with page.expect_request(lambda request: request.method == "POST"):
        page.get_by_role("button", name="Post", exact=True).click()
    expect(box(page)).to_have_js_property("readOnly", True)
    sent[0].continue_()
    expect(box(page)).to_have_value("")
    expect(box(page)).to_have_js_property("readOnly", False)

    box(page).fill("Again")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(box(page)).to_have_js_property("readOnly", True)
    sent[1].abort()
    expect(box(page)).to_have_js_property("readOnly", False)
    expect(box(page)).to_have_value("Again")
