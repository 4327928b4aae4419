"""Reading: readers get back to where they were, miss nothing, and learn when they are caught up. Nothing moves."""

import gzip
import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from posts.reading.models import ReadMarker
from socializer.tests.browser.conftest import log_in, top_of, write_now

both = pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
widths = pytest.mark.parametrize("width", [390, 1280])


def set_read_marker(reader, post):
    """Set the marker as if the reader had read up to `post`, three days ago."""
    ReadMarker.objects.filter(reader=reader).delete()
    ReadMarker.start(reader, post.pk)
    ReadMarker.objects.update(read_on=timezone.now() - timedelta(days=3))


@both
@widths
def test_reading_from_the_oldest_unread_post_to_the_newest(open_page, network, old_posts, width, javascript):
    page = open_page(width, java_script_enabled=javascript)
    log_in(page, "ada")
    set_read_marker(network["ada"], old_posts[-6])
    page.goto("/")
    expect(page.get_by_text(re.compile("^46 new since"))).to_be_visible()
    page.get_by_role("link", name="Start with the oldest").click()

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

    numbers = [
        int(number) for text in read for number in re.findall(r"^Bob's post (\d+)$", text, re.MULTILINE)
    ]
    assert numbers == list(range(6, 45))
    assert len(read) == 47
    expect(page.get_by_text("You're all caught up.")).to_be_visible()
    page.get_by_text("You're all caught up.").get_by_role("link").click()
    expect(page.get_by_text("You're all caught up.")).to_be_visible()
    assert page.trouble == []


@both
@widths
def test_a_divider_shows_what_was_read(open_page, network, old_posts, width, javascript):
    page = open_page(width, java_script_enabled=javascript)
    log_in(page, "ada")
    set_read_marker(network["ada"], old_posts[3])
    page.goto("/")

    divider = page.get_by_text("You've read everything below.")
    expect(divider).to_be_visible()
    after = divider.evaluate("divider => divider.nextElementSibling.id")
    assert after == f"post-{old_posts[3].pk}"
    page.reload()
    expect(divider).to_be_visible()
    expect(page.get_by_text("You're all caught up.")).to_have_count(0)


def test_older_is_an_ordinary_link_if_loading_in_place_fails(open_page, network):
    page = open_page()
    page.goto("/@bob/")
    page.route("**/@bob/?before=*", lambda route: route.abort() if is_htmx(route) else route.continue_())
    page.get_by_role("link", name="Older").click()

    page.wait_for_url("**/@bob/?before=*")
    expect(page.get_by_role("link", name="Newer")).to_be_visible()


def is_htmx(route):
    return "hx-request" in route.request.headers


def test_an_open_page_shows_new_posts_and_moves_nothing(open_page, network, old_posts):
    page = open_page()
    page.clock.install()
    log_in(page, "ada")
    new_posts = page.locator("[data-new-posts]")
    height = top_of(page, old_posts[0])
    write_now(network["bob"], 3)
    with page.expect_response("**/news/*"):
        page.clock.fast_forward(61_000)

    expect(new_posts.get_by_role("link", name="3 new posts")).to_be_visible()
    expect(new_posts).to_have_attribute("aria-live", "polite")
    assert top_of(page, old_posts[0]) == height
    new_posts.get_by_role("link").click()
    expect(page.get_by_role("article").first).to_contain_text("Fresh 2")
    expect(page.get_by_text("3 new since")).to_be_visible()
    assert page.trouble == []


def test_a_page_in_the_background_does_not_ask_and_after_a_failure_it_asks_less_often(open_page, network):
    page = open_page()
    page.clock.install()
    log_in(page, "ada")
    asked = []
    page.route("**/news/*", lambda route: (asked.append(1), route.fulfill(status=503)))

    set_visibility(page, away=True)
    page.clock.run_for(300_000)
    assert asked == []

    set_visibility(page, away=False)
    page.clock.run_for(6_000)
    page.wait_for_timeout(100)
    assert len(asked) == 1
    # The next requests are after 2, 4 and 8 minutes.
    for minutes, total in ((1.5, 1), (1, 2), (3.5, 2), (1, 3), (7.5, 3), (1, 4)):
        page.clock.run_for(int(minutes * 60_000))
        page.wait_for_timeout(100)
        assert len(asked) == total


def set_visibility(page, *, away):
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

    expect(page.get_by_text("You're no longer logged in.")).to_be_visible()


def test_older_in_a_logged_out_tab_does_not_add_public_posts_to_the_home_timeline(open_page, network):
    page = open_page()
    log_in(page, "ada")
    network["ada"].end_sessions()
    page.get_by_role("link", name="Older").click()

    expect(page.get_by_role("main").get_by_role("link", name="Sign up")).to_be_visible()
    assert page.trouble == []


@both
def test_from_the_permalink_to_the_place_in_the_timeline(open_page, network, old_posts, javascript):
    page = open_page(java_script_enabled=javascript)
    page.goto(f"/posts/{old_posts[15].pk}/")
    page.get_by_role("link", name=f"See it among @{old_posts[15].author.username}'s posts").click()

    marked = page.locator(f"#post-{old_posts[15].pk}")
    expect(marked).to_be_in_viewport()
    assert marked.evaluate("post => post.matches(':target')")
    expect(page.get_by_role("link", name="Newer")).to_be_visible()
    expect(page.get_by_role("link", name="Older")).to_be_visible()


def test_pages_are_light(open_page, network):
    """At most 1.8 kB for a post with its buttons, and 5 kB compressed for the next page."""
    page = open_page()
    log_in(page, "ada")
    longest = page.locator(".post").evaluate_all(
        "all => Math.max(...all.map(post => post.outerHTML.length - post.querySelector('.post-text').innerHTML.length))"
    )
    with page.expect_response("**/?before=*") as answer:
        page.get_by_role("link", name="Older").click()

    assert longest <= 1800
    assert len(gzip.compress(answer.value.body())) <= 5_000


@widths
def test_nothing_shifts_while_a_page_loads(open_page, network, old_posts, width):
    page = open_page(width)
    log_in(page, "ada")
    set_read_marker(network["ada"], old_posts[3])
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) shift += e.value })"
        ".observe({ type: 'layout-shift', buffered: true })"
    )
    for path in ("/", "/@bob/", f"/posts/{old_posts[0].pk}/", "/unread/?after=1"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("shift") == 0, path
