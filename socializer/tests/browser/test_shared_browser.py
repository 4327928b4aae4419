"""Two people use one browser, one after the other."""

import pytest
from playwright.sync_api import expect

from socializer.tests.browser.conftest import CHROMIUM, log_in

TEXT = "Ada's secret"


def box(page):
    return page.get_by_label("New post")


def log_out(page):
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("main").get_by_role("link", name="Sign up")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_text_from_a_tab_that_was_logged_out_is_not_shown_to_the_next_member(
    open_page, network, javascript
):
    page = open_page(java_script_enabled=javascript)
    log_in(page, "ada")
    box(page).fill(TEXT)
    other = page.context.new_page()
    other.goto("/")
    log_out(other)
    page.get_by_role("button", name="Post", exact=True).click()
    page.get_by_label("Username or email").fill("bob")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Log in").click()

    expect(box(page)).to_have_value("")
    page.goto("/")
    expect(box(page)).to_have_value("")


def test_a_tab_of_the_member_before_publishes_only_after_a_question(open_page, network):
    page = open_page()
    log_in(page, "ada")
    box(page).fill(TEXT)
    other = page.context.new_page()
    other.goto("/")
    log_out(other)
    log_in(other, "bob")
    page.get_by_role("button", name="Post", exact=True).click()
    page.get_by_role("button", name="Send it again").click()

    expect(page.get_by_role("alert")).to_contain_text("as @bob")
    expect(box(page)).to_have_value(TEXT)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_role("article").first).to_contain_text(TEXT)


def test_the_place_on_a_page_is_not_remembered_for_the_next_member(open_page, network):
    page = open_page()
    log_in(page, "ada")
    page.goto("/explore/")
    page.get_by_role("article").nth(10).locator("time").click()
    page.wait_for_url("**/posts/*/")
    place = page.evaluate("() => Object.values(sessionStorage).find((text) => text.includes('viewer'))")
    assert f'"viewer":"{network["ada"].pk}"' in place
    log_out(page)
    log_in(page, "bob")
    page.evaluate("(place) => sessionStorage.setItem(history.state.key, place)", place)
    page.reload()
    page.wait_for_timeout(300)

    assert page.evaluate("scrollY") == 0


@pytest.fixture
def keeping_browser(playwright):
    """A browser that keeps whole pages for "Back", which Playwright's usual one doesn't."""
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--enable-features=BackForwardCache"],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield browser
    browser.close()


def open_kept(browser, live_server):
    """A page that counts in `kept` how often it was shown again without the server."""
    page = browser.new_context(base_url=live_server.url).new_page()
    page.add_init_script(
        "addEventListener('pageshow', (event) => event.persisted && sessionStorage.setItem('kept', 'yes'))"
    )
    return page


def go_back(page):
    page.evaluate(
        "history.back()"
    )  # A page that was kept is not loaded, which `page.go_back()` would wait for.


def test_back_after_the_log_out_shows_no_page_that_the_browser_kept(keeping_browser, live_server, network):
    page = open_kept(keeping_browser, live_server)
    log_in(page, "ada")
    box(page).fill(TEXT)
    page.goto("/explore/")
    other = page.context.new_page()
    other.goto("/")
    log_out(other)
    go_back(page)

    expect(page.get_by_role("main").get_by_role("link", name="Sign up")).to_be_visible()
    expect(box(page)).to_have_count(0)
    assert page.evaluate("sessionStorage.getItem('kept')") == "yes"  # The browser did keep the page.


def test_back_within_a_session_shows_the_page_that_the_browser_kept(keeping_browser, live_server, network):
    page = open_kept(keeping_browser, live_server)
    log_in(page, "ada")
    box(page).fill(TEXT)
    page.goto("/explore/")
    go_back(page)

    expect(box(page)).to_have_value(TEXT)
    assert page.evaluate("sessionStorage.getItem('kept')") == "yes"
