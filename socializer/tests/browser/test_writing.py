"""Writing: what was typed is never lost, and posted once."""

import re

import pytest
from playwright.sync_api import expect

from accounts.common.text import clean_text, count_characters
from accounts.tests.factories import PASSWORD
from posts.models import Post
from posts.tests.factories import PostFactory
from socializer.tests.browser.conftest import log_in

both = pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
widths = pytest.mark.parametrize("width", [390, 1280])


def box(page):
    return page.get_by_label("New post")


def press_post(page):
    page.get_by_role("button", name="Post", exact=True).click()


def edit_first(page, text):
    """Open the page to edit the first post as soon as it has that text."""
    newest = page.get_by_role("article").first
    expect(newest).to_contain_text(text)
    newest.locator("summary").click()
    newest.get_by_role("link", name="Edit").click()


@both
@widths
def test_post_edit_see_the_history(open_page, network, width, javascript):
    page = open_page(width, java_script_enabled=javascript)
    log_in(page, "ada")
    box(page).fill("Frist!")
    press_post(page)
    first = page.get_by_role("article").first
    expect(first).to_contain_text("Frist!")
    if javascript:
        expect(first).to_be_focused()

    first.locator("summary").click()
    first.get_by_role("link", name="Edit").click()
    page.get_by_label("Your post").fill("x" * 501)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Remove 1.")).to_be_visible()
    page.get_by_label("Your post").fill("First!")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status").get_by_text("Post saved.")).to_be_visible()
    expect(page.get_by_role("article").first).to_contain_text("First!")
    page.get_by_role("link", name="edited").click()
    expect(page.get_by_text("Frist!")).to_be_visible()
    assert page.trouble == []


@both
@widths
def test_an_old_csrf_token_costs_one_more_press(open_page, network, width, javascript):
    """As after a log-out and log-in in another tab, or with a page restored from a cache."""
    page = open_page(width, java_script_enabled=javascript)
    log_in(page, "ada")
    box(page).fill("Do not <lose> me")
    page.context.clear_cookies(name="csrftoken")
    press_post(page)
    expect(page.get_by_role("heading", name="This page was open for too long")).to_be_visible()
    expect(page.get_by_label("Your text is still here")).to_have_value("Do not <lose> me")
    page.get_by_role("button", name="Send it again").click()

    expect(page.get_by_role("article").first).to_contain_text("Do not <lose> me")
    if javascript:
        expect(box(page)).to_have_value("")


@both
def test_in_a_tab_that_was_logged_out_the_text_waits_for_the_log_in(open_page, network, javascript):
    page = open_page(java_script_enabled=javascript)
    log_in(page, "ada")
    box(page).fill("Do not lose me")
    other = page.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Log out").click()
    expect(other.get_by_role("main").get_by_role("link", name="Sign up")).to_be_visible()
    press_post(page)
    page.get_by_label("Username or email").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

    expect(box(page)).to_have_value("Do not lose me")
    press_post(page)
    expect(page.get_by_role("article").first).to_contain_text("Do not lose me")


def test_a_draft_outlives_a_network_that_fails(open_page, network):
    page = open_page()
    log_in(page, "ada")
    box(page).fill("Do not lose me")
    page.context.set_offline(True)
    press_post(page)
    expect(page.get_by_role("alert")).to_contain_text("Your text is still here.")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(box(page)).to_have_value("Do not lose me")
    page.context.set_offline(False)
    page.goto("/")

    expect(box(page)).to_have_value("Do not lose me")
    press_post(page)
    expect(page.get_by_role("article").first).to_contain_text("Do not lose me")
    page.goto("/posts/add/")
    expect(box(page)).to_have_value("")


def test_a_draft_is_its_writers_own(open_page, network):
    page = open_page()
    log_in(page, "ada")
    box(page).fill("Ada's secret")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("main").get_by_role("link", name="Sign up")).to_be_visible()
    log_in(page, "bob")
    expect(box(page)).to_have_value("")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("main").get_by_role("link", name="Sign up")).to_be_visible()
    log_in(page, "ada")

    expect(box(page)).to_have_value("Ada's secret")


def test_a_draft_of_an_edit_is_kept_for_that_post(open_page, network):
    page = open_page()
    log_in(page, "ada")
    box(page).fill("Frist!")
    press_post(page)
    edit_first(page, "Frist!")
    page.get_by_label("Your post").fill("First, and more")
    page.reload()
    expect(page.get_by_label("Your post")).to_have_value("First, and more")
    expect(page.get_by_text("Draft restored.")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Your post")).to_have_value("Frist!")
    page.get_by_label("Your post").fill("First, and more")
    page.goto("/")
    expect(box(page)).to_have_value("")


def test_after_the_log_out_back_shows_no_page_of_a_member(open_page, network):
    page = open_page()
    log_in(page, "ada")
    page.goto("/users/settings/profile/")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("main").get_by_role("link", name="Sign up")).to_be_visible()
    page.go_back()

    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    expect(page.get_by_label("Display name")).to_have_count(0)


@pytest.mark.parametrize("key", ["Control+Enter", "Meta+Enter"])
def test_ctrl_enter_posts(open_page, network, key):
    page = open_page()
    log_in(page, "ada")
    box(page).fill("By keyboard")
    box(page).press("Enter")
    box(page).press(key)
    expect(page.get_by_role("article").first).to_contain_text("By keyboard")

    assert Post.objects.get(author=network["ada"], content="By keyboard")


def test_a_press_that_gets_no_answer_can_be_repeated_and_still_posts_once(open_page, network):
    page = open_page()
    log_in(page, "ada")
    box(page).fill("Only once")
    sent = []
    page.route(page.url, lambda route: (sent.append(1), route.fetch() and route.abort()))
    press_post(page)
    expect(page.get_by_role("alert")).to_contain_text("Try again")
    page.unroute(page.url)
    press_post(page)
    expect(page.get_by_role("article").first).to_contain_text("Only once")

    assert sent == [1]
    assert Post.objects.filter(content="Only once").count() == 1


SAMPLES = [
    "plain", "  spaces \n\n", "a\u0301" * 10, "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 🇩🇪🇫🇷", "ภาษาไทย", "مرحبا", "한국어 각", "नमस्ते क्षत्रिय", "a\u202eb\u2066c", "a\x00b\x07c",
    "z" + "\u0336" * 40, "x\tz", "\ufeffbom\ufeff", "\u3000wide\u3000", "e\u200dx", "1️⃣", "☝🏿", "\u00a0x\u00a0", "\r\na\r\nb",
]  # fmt: skip


def test_the_counter_counts_as_the_server_does(open_page, network):
    page = open_page()
    log_in(page, "ada")
    counter = page.locator("[data-counter]")
    faults = []
    for sample in SAMPLES:
        # As the browser hands it over: with \n between lines.
        typed = re.sub("\r\n?", "\n", sample) + "x" * 450
        box(page).evaluate(
            "(box, text) => { box.value = text; box.dispatchEvent(new Event('input')) }", typed
        )
        left = 500 - count_characters(clean_text(typed))
        if counter.inner_text() != str(left):
            faults.append((sample, counter.inner_text(), left))

    assert faults == []


def test_the_follow_button_answers_before_the_server_does(open_page, network):
    page = open_page()
    log_in(page, "ada")
    page.goto("/@cleo/")
    waiting = []
    page.route("**/follow/", lambda route: waiting.append(route))
    page.get_by_role("button", name="Follow", exact=True).click()
    expect(page.get_by_role("button", name="Following", exact=True)).to_be_visible()
    assert not network["ada"].is_following(network["other"].author)

    waiting[0].continue_()
    expect(page.locator(".follow-form[action$='/unfollow/']")).to_be_visible()
    assert network["ada"].is_following(network["other"].author)


@pytest.mark.parametrize("failure", ["offline", "error"])
def test_and_takes_it_back_with_a_word_if_it_failed(open_page, network, failure):
    page = open_page()
    log_in(page, "ada")
    page.goto("/@bob/")
    page.route("**/unfollow/", lambda r: r.abort() if failure == "offline" else r.fulfill(status=503))
    button = page.get_by_role("button", name="Following")
    button.click()

    expect(page.get_by_role("alert")).to_have_text("That didn't work. Try again.")
    expect(button).to_be_focused()
    page.unroute("**/unfollow/")
    button.click()
    expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_following_from_a_tab_that_was_logged_out_leads_to_the_log_in(open_page, network):
    page = open_page()
    log_in(page, "ada")
    page.goto("/@cleo/")
    network["ada"].end_sessions()
    page.get_by_role("button", name="Follow", exact=True).click()

    page.wait_for_url("**/users/login/?next=**")


@both
def test_too_late_for_an_edit_is_said_and_the_text_kept(open_page, network, settings, javascript):
    page = open_page(java_script_enabled=javascript)
    log_in(page, "ada")
    box(page).fill("Frist!")
    press_post(page)
    edit_first(page, "Frist!")
    settings.EDIT_MINUTES = 0
    page.get_by_label("Your post").fill("Too late")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("edit this post any more")).to_be_visible()
    expect(page.get_by_label("Your post")).to_have_value("Too late")


def test_a_long_text_makes_the_box_grow(open_page, network):
    page = open_page()
    PostFactory()
    log_in(page, "ada")
    before = box(page).bounding_box()["height"]
    box(page).fill("line\n" * 12)

    assert box(page).bounding_box()["height"] > before * 2
