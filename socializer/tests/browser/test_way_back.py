"""Back returns to the same post at the same height, whatever has happened meanwhile."""

import pytest
from playwright.sync_api import expect

from posts.models import Post
from socializer.tests.browser.conftest import log_in, top_of, write_now

widths = pytest.mark.parametrize("width", [390, 1280])


def open_without_cache(open_page, width=1280):
    """A page that asks the server again on the way back, as it does when its copy is gone."""
    page = open_page(width)
    page.route("**/*", lambda route: route.continue_())  # With any route there is no cache.
    return page


def scroll(page, distance):
    """Turn the wheel, and wait until the page has taken note."""
    page.mouse.move(300, 300)
    page.mouse.wheel(0, distance)
    for _attempt in range(50):
        page.wait_for_timeout(100)
        if '"scrolled":true' in (page.evaluate("sessionStorage.getItem(history.state.key)") or ""):
            return
    raise AssertionError("The place was not remembered.")


@widths
@pytest.mark.parametrize("pages", [1, 2, 3])
def test_back_leads_to_the_same_post_at_the_same_height(open_page, network, width, pages):
    page = open_without_cache(open_page, width)
    log_in(page, "ada")
    articles = page.get_by_role("article")
    for number in range(1, pages):
        page.get_by_role("link", name="Older").click()
        expect(articles).to_have_count(min(20 * (number + 1), 53))
    article = articles.nth(20 * pages - 9)
    post = Post.objects.get(pk=article.get_attribute("id").removeprefix("post-"))
    article.scroll_into_view_if_needed()
    scroll(page, 150)
    article.locator("time").click()
    page.wait_for_url(f"**/posts/{post.pk}/")
    write_now(network["bob"], 3)

    page.go_back()
    expect(page.locator(f"#post-{post.pk}")).to_be_focused()
    back = top_of(page, post)
    page.go_forward()
    page.go_back()
    expect(page.locator(f"#post-{post.pk}")).to_be_focused()

    assert abs(top_of(page, post) - back) <= 1
    assert 0 <= back <= 800
    assert page.trouble == []


def test_back_is_exact_to_the_pixel(open_page, network, old_posts):
    page = open_without_cache(open_page)
    log_in(page, "ada")
    scroll(page, 700)
    below = page.locator(".post").evaluate_all(
        "all => all.findIndex(post => post.getBoundingClientRect().top > 200)"
    )
    article = page.locator(".post").nth(below)
    height = article.evaluate("post => post.getBoundingClientRect().top")
    post = Post.objects.get(pk=article.get_attribute("id").removeprefix("post-"))
    article.locator(".post-time").evaluate("link => link.click()")
    page.wait_for_url(f"**/posts/{post.pk}/")
    write_now(network["bob"], 7)
    page.go_back()

    expect(page.locator(f"#post-{post.pk}")).to_be_focused()
    expect(page.get_by_text("Fresh 6")).to_be_attached()
    assert abs(top_of(page, post) - height) <= 1


def test_back_to_a_post_that_is_gone_leads_to_the_next_older_one(open_page, network, old_posts):
    page = open_without_cache(open_page)
    log_in(page, "ada")
    page.locator(f"#post-{old_posts[5].pk} time").click()
    page.wait_for_url("**/posts/*/")
    old_posts[5].delete()
    page.go_back()

    expect(page.locator(f"#post-{old_posts[6].pk}")).to_be_focused()


def test_without_javascript_the_browser_brings_one_back(open_page, network, old_posts):
    page = open_page(java_script_enabled=False)
    log_in(page, "ada")
    page.get_by_role("link", name="Older").click()
    article = page.get_by_role("article").nth(10)
    article.locator("time").click()
    page.go_back()

    expect(article).to_be_in_viewport()


def test_one_step_back_leaves_a_list_that_has_grown(open_page, network):
    page = open_page()
    page.goto("/explore/")
    page.goto("/@bob/")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("article")).to_have_count(40)
    page.go_back()

    page.wait_for_url("**/explore/")
