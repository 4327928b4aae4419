"""Everything by keyboard: j, k, n and ?, and all of it by Tab alone."""

import pytest
from playwright.sync_api import expect

from accounts.tests.factories import PASSWORD
from posts.models import Post
from socializer.tests.browser.conftest import log_in


def open_menu(page):
    """Open the menu of the first post."""
    tab_until(page, page.locator("article summary").first, "the menu")
    page.keyboard.press("Enter")


def tab_to(page, role, name):
    """Press Tab until it is there, as somebody without a mouse would."""
    tab_until(page, page.get_by_role(role, name=name, exact=True).first, name)


def tab_until(page, wanted, name):
    for _press in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            outline = wanted.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", f"No focus ring on {name}"
            return
    raise AssertionError(f"{name} cannot be reached by Tab.")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_log_in_follow_write_edit_delete_log_out_without_a_mouse(open_page, network, width, javascript):
    page = open_page(width, java_script_enabled=javascript)
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    tab_to(page, "link", "Log in")
    page.keyboard.press("Enter")
    tab_to(page, "textbox", "Username or email")
    page.keyboard.type("ada")
    tab_to(page, "textbox", "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label("New post")).to_be_visible()

    page.goto("/@cleo/")
    tab_to(page, "button", "Follow")
    page.keyboard.press("Enter")
    expect(page.locator(".follow-form[action$='/unfollow/']")).to_be_visible()

    page.goto("/")
    tab_to(page, "textbox", "New post")
    page.keyboard.type("Without a mouse")
    tab_to(page, "button", "Post")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article").first).to_contain_text("Without a mouse")
    open_menu(page)
    tab_to(page, "link", "Edit")
    page.keyboard.press("Enter")
    tab_to(page, "textbox", "Your post")
    page.keyboard.press("End")
    page.keyboard.type(" at all")
    tab_to(page, "button", "Save")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article").first).to_contain_text("Without a mouse at all")

    open_menu(page)
    tab_to(page, "link", "Delete")
    page.keyboard.press("Enter")
    tab_to(page, "button", "Delete post")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Post deleted.")).to_be_visible()
    assert not Post.objects.filter(author=network["ada"], content__startswith="Without").exists()

    page.goto("/@ada/")
    tab_to(page, "button", "Log out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main").get_by_role("link", name="Sign up")).to_be_visible()


def test_j_and_k_go_from_post_to_post(open_page, network):
    page = open_page()
    log_in(page, "ada")
    posts = page.get_by_role("article")
    for key, number in (("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0), ("k", 0)):
        page.keyboard.press(key)
        expect(posts.nth(number)).to_be_focused()
    for _press in range(20):
        page.keyboard.press("j")
    expect(page.get_by_role("link", name="Older")).to_be_focused()
    expect(page.get_by_role("link", name="Older")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(posts.nth(20)).to_be_focused()


def test_n_writes_and_what_is_typed_is_no_command(open_page, network):
    page = open_page()
    log_in(page, "ada")
    page.keyboard.press("n")
    expect(page.get_by_label("New post")).to_be_focused()
    page.keyboard.type("jkn?")
    expect(page.get_by_label("New post")).to_have_value("jkn?")

    page.goto("/explore/")
    page.keyboard.press("Control+j")
    page.keyboard.press("n")
    page.wait_for_url("**/posts/add/")
    expect(page.get_by_label("New post")).to_be_focused()


def test_the_question_mark_shows_the_keys_and_escape_puts_them_away(open_page, network):
    page = open_page()
    page.goto("/explore/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_contain_text("next post")
    page.keyboard.press("?")
    page.keyboard.press("j")
    expect(page.get_by_role("dialog")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("?")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    assert page.trouble == []


def test_the_keys_can_be_switched_off(open_page, network):
    page = open_page()
    page.goto("/help/")
    switch = page.get_by_role("button", name="Use these shortcuts")
    expect(switch).to_have_attribute("aria-pressed", "true")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    page.goto("/explore/")
    page.keyboard.press("j")
    page.keyboard.press("?")
    assert page.evaluate("document.activeElement === document.body")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_without_javascript_the_help_page_says_it(open_page, network):
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.get_by_role("link", name="Help").click()

    expect(page.get_by_text("next post")).to_be_visible()
    expect(page.get_by_role("button", name="Use these shortcuts")).to_have_count(0)
