"""Reading: take me back to where I was, skip nothing, move nothing, tell me when I am through."""

import gzip
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from posts import ids
from posts.models import Post, ReadMark
from posts.tests.factories import PostFactory
from socializer.tests.browser.conftest import log_in

both = pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
widths = pytest.mark.parametrize("width", [390, 1280])


def had_read_up_to(reader, post):
    """As if the reader had read up to `post`, long ago."""
    ReadMark.objects.filter(reader=reader).delete()
    ReadMark.begin(reader, post.pk)
    ReadMark.objects.update(read_on=timezone.now() - timedelta(days=3))


def write_now(author, count=1):
    now = timezone.now() - timedelta(seconds=10)
    return [
        PostFactory(author=author, content=f"Fresh {n}", id=ids.first_id_at(now + timedelta(seconds=n)))
        for n in range(count)
    ]


def top_of(page, post):
    return page.locator(f"#post-{post.pk}").evaluate("post => post.getBoundingClientRect().top")


@pytest.fixture
def old_posts(network):
    """Bob's posts, newest first."""
    return list(Post.objects.by(network["bob"]).order_by("-id"))


@both
@widths
def test_from_the_oldest_unread_forward_until_one_is_through(
    open_page, network, old_posts, width, javascript
):
    page = open_page(width, java_script_enabled=javascript)
    log_in(page, "ada")
    had_read_up_to(network["ada"], old_posts[-6])
    page.goto("/")
    expect(page.get_by_text("46 new since 1 May 2024.")).to_be_visible()
    page.get_by_role("link", name="Begin with the oldest").click()

    articles = page.get_by_role("article")
    expect(articles.first).to_contain_text("Bob's post 6")
    read = articles.all_inner_texts()
    for _page in range(2):
        page.get_by_role("link", name="Newer").click()
        if javascript:
            expect(articles.nth(len(read))).to_be_focused()
            read = articles.all_inner_texts()
        else:
            page.wait_for_load_state()
            read += articles.all_inner_texts()

    assert [text for text in read if "Bob's post" in text] == [
        text for n in range(6, 45) for text in read if text.endswith(f"Bob's post {n}")
    ]
    assert len(read) == 47
    expect(page.get_by_text("You are all caught up.")).to_be_visible()
    page.get_by_text("You are all caught up.").get_by_role("link").click()
    expect(page.get_by_text("You are all caught up.")).to_be_visible()
    assert page.trouble == []


@both
@widths
def test_a_line_shows_where_one_is(open_page, network, old_posts, width, javascript):
    page = open_page(width, java_script_enabled=javascript)
    log_in(page, "ada")
    had_read_up_to(network["ada"], old_posts[3])
    page.goto("/")

    line = page.get_by_text("You are here: what follows you have read.")
    expect(line).to_be_visible()
    after = line.evaluate("line => line.nextElementSibling.id")
    assert after == f"post-{old_posts[3].pk}"
    page.reload()
    expect(line).to_be_visible()
    expect(page.get_by_text("You are all caught up.")).to_be_visible()


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


def test_older_is_a_link_where_it_cannot_come_in_place(open_page, network):
    page = open_page()
    page.goto("/@bob/")
    page.route("**/@bob/?before=*", lambda route: route.abort() if is_htmx(route) else route.continue_())
    page.get_by_role("link", name="Older").click()

    page.wait_for_url("**/@bob/?before=*")
    expect(page.get_by_role("link", name="Newer")).to_be_visible()


def is_htmx(route):
    return "hx-request" in route.request.headers


def test_an_open_page_says_what_has_come_and_moves_nothing(open_page, network, old_posts):
    page = open_page()
    page.clock.install()
    log_in(page, "ada")
    news = page.locator("[data-news]")
    height = top_of(page, old_posts[0])
    write_now(network["bob"], 3)
    with page.expect_response("**/news/*"):
        page.clock.fast_forward(61_000)

    expect(news.get_by_role("link", name="3 new posts")).to_be_visible()
    expect(news).to_have_attribute("aria-live", "polite")
    assert top_of(page, old_posts[0]) == height
    news.get_by_role("link").click()
    expect(page.get_by_role("article").first).to_contain_text("Fresh 2")
    expect(page.get_by_text("3 new since")).to_be_visible()
    assert page.trouble == []


def test_a_page_nobody_looks_at_does_not_ask_and_one_that_fails_asks_less_often(open_page, network):
    page = open_page()
    page.clock.install()
    log_in(page, "ada")
    asked = []
    page.route("**/news/*", lambda route: (asked.append(1), route.fulfill(status=503)))

    look(page, away=True)
    page.clock.run_for(300_000)
    assert asked == []

    look(page, away=False)
    page.clock.run_for(6_000)
    page.wait_for_timeout(100)
    assert len(asked) == 1
    # From now on after 2, 4 and 8 minutes.
    for minutes, total in ((1.5, 1), (1, 2), (3.5, 2), (1, 3), (7.5, 3), (1, 4)):
        page.clock.run_for(int(minutes * 60_000))
        page.wait_for_timeout(100)
        assert len(asked) == total


def look(page, *, away):
    page.evaluate(
        """away => {
          Object.defineProperty(document, "hidden", { value: away, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        away,
    )


def test_a_tab_that_was_logged_out_says_so(open_page, network):
    page = open_page()
    page.clock.install()
    log_in(page, "ada")
    network["ada"].end_sessions()
    page.clock.fast_forward(61_000)

    expect(page.get_by_text("You are no longer logged in here.")).to_be_visible()


def test_older_in_a_tab_that_was_logged_out_shows_no_strangers_among_ones_own(open_page, network):
    page = open_page()
    log_in(page, "ada")
    network["ada"].end_sessions()
    page.get_by_role("link", name="Older").click()

    expect(page.get_by_role("link", name="Join in")).to_be_visible()
    assert page.trouble == []


@both
def test_from_its_permalink_to_its_place_in_the_timeline(open_page, network, old_posts, javascript):
    page = open_page(java_script_enabled=javascript)
    page.goto(f"/posts/{old_posts[15].pk}/")
    page.get_by_role("link", name="Show in timeline").click()

    marked = page.locator(f"#post-{old_posts[15].pk}")
    expect(marked).to_be_in_viewport()
    assert marked.evaluate("post => post.matches(':target')")
    expect(page.get_by_role("link", name="Newer")).to_be_visible()
    expect(page.get_by_role("link", name="Older")).to_be_visible()


def test_pages_are_light(open_page, network):
    """At most 1.5 kB for a post, and 5 kB compressed for the next page."""
    page = open_page()
    log_in(page, "ada")
    longest = page.locator(".post").evaluate_all(
        "all => Math.max(...all.map(post => post.outerHTML.length - post.querySelector('.post-text').innerHTML.length))"
    )
    with page.expect_response("**/?before=*") as answer:
        page.get_by_role("link", name="Older").click()

    assert longest <= 1500
    assert len(gzip.compress(answer.value.body())) <= 5_000


@widths
def test_nothing_shifts_while_a_page_loads(open_page, network, old_posts, width):
    page = open_page(width)
    log_in(page, "ada")
    had_read_up_to(network["ada"], old_posts[3])
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) shift += e.value })"
        ".observe({ type: 'layout-shift', buffered: true })"
    )
    for path in ("/", "/@bob/", f"/posts/{old_posts[0].pk}/", "/unread/?after=1"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("shift") == 0, path
