"""Reading: take me back to where I was, skip nothing, move nothing, tell me when I am through."""

import gzip
import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from posts.models import ReadMark
from socializer.tests.browser.conftest import log_in, top_of, write_now

both = pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
widths = pytest.mark.parametrize("width", [390, 1280])


def had_read_up_to(reader, post):
    """As if the reader had read up to `post`, long ago."""
    ReadMark.objects.filter(reader=reader).delete()
    ReadMark.begin(reader, post.pk)
    ReadMark.objects.update(read_on=timezone.now() - timedelta(days=3))


@both
@widths
def test_from_the_oldest_unread_forward_until_one_is_through(
    open_page, network, old_posts, width, javascript
):
    page = open_page(width, java_script_enabled=javascript)
    log_in(page, "ada")
    had_read_up_to(network["ada"], old_posts[-6])
    page.goto("/")
    expect(page.get_by_text(re.compile("^46 new since"))).to_be_visible()
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
