"""Coming back: the read marker, unread posts, and reading through them."""

from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.core.cache import cache
from django.db import DatabaseError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from posts import ids
from posts.models import Post
from posts.reading import positions
from posts.reading.models import VISIT_ENDS_AFTER, WRITE_INTERVAL, ReadMarker
from posts.tests.factories import LONG_AGO, PostFactory
from posts.tests.reading import TUESDAY, text_of, write, writes_of

DIVIDER = "You've read everything below."
CAUGHT_UP = "You're all caught up."


def contents(response):
    return [post.content for post in response.context["page"]]


def test_on_the_first_visit_nothing_is_new(member, member_client, bob):
    newest = write(bob, 30)[-1]

    text = text_of(member_client.get("/"))

    assert "new since" not in text
    assert DIVIDER not in text
    assert member.read_marker.position == newest.pk
    assert CAUGHT_UP in text_of(member_client.get("/"))


def test_an_empty_timeline_leaves_no_marker(member_client):
    assert "caught up" not in text_of(member_client.get("/"))
    assert member_client.get("/unread/").url == "/"
    assert not ReadMarker.objects.exists()


def test_home_says_how_many_posts_are_new_and_shows_the_divider(member_client, bob, back_on_friday):
    write(bob, 12)

    text = text_of(member_client.get("/"))

    assert "12 new since Tuesday." in text
    assert text.index(">new 0<") < text.index(DIVIDER) < text.index(">old 24<")


def test_the_divider_stays_during_the_visit_but_the_count_does_not(member_client, bob, back_on_friday, clock):
    write(bob, 12)
    member_client.get("/")

    again = text_of(member_client.get("/"))
    assert DIVIDER in again
    assert CAUGHT_UP not in again  # The divider separates new posts from old ones.

    clock.shift(VISIT_ENDS_AFTER)
    assert DIVIDER not in text_of(member_client.get("/"))


def test_the_divider_can_be_on_an_older_page(member_client, bob, back_on_friday):
    posts = write(bob, 20)
    older = member_client.get("/", {"before": posts[0].pk}, headers={"HX-Request": "true"})

    text = text_of(older)
    assert text.index(DIVIDER) < text.index(">old 24<")


def test_a_link_leads_to_the_oldest_unread_post_and_forward_to_the_newest(
    member, member_client, bob, back_on_friday
):
    write(bob, 45)
    home = member_client.get("/")
    assert "45 new since Tuesday." in text_of(home)
    url = f"/unread/?after={home.context['new_posts'].position}"
    assert f'href="{url}"' in home.content.decode()

    read = []
    while url:
        page = member_client.get(url)
        read += contents(page)[::-1]
        newer = page.context["page"].newer
        url = newer and f"/unread/?after={newer}"

    assert read == [f"new {n}" for n in range(45)]
    assert CAUGHT_UP in text_of(page)
    assert CAUGHT_UP in text_of(member_client.get("/"))
    assert member_client.get("/unread/").url == f"/unread/?after={page.context['page'].items[0].pk}"


def test_the_oldest_unread_post_comes_first(member_client, bob, back_on_friday):
    write(bob, 3)
    text = text_of(member_client.get("/unread/", follow=True))

    assert "New since Tuesday" in text
    assert text.index("new 0") < text.index("new 1") < text.index("new 2")


def test_skipped_posts_stay_unread(member, member_client, bob, back_on_friday):
    """Reading the newest of three pages doesn't mark the other two as read."""
    write(bob, 45)
    for _twice in range(2):
        assert "45 new since Tuesday." in text_of(member_client.get("/"))

    member_client.get("/", {"before": ids.first_id_at(TUESDAY)})
    assert "45 new since Tuesday." in text_of(member_client.get("/"))


def test_reading_down_to_the_divider_marks_everything_as_read(member, member_client, bob, back_on_friday):
    newest = write(bob, 45)[-1]
    page = member_client.get("/").context["page"]
    for _more in range(2):
        assert member.read_marker.position < newest.pk
        page = member_client.get("/", {"before": page.older}).context["page"]
        member.read_marker.refresh_from_db()

    assert member.read_marker.position == newest.pk


def test_the_count_stops_at_a_hundred(member_client, bob, back_on_friday):
    write(bob, 120)
    assert "More than 99 new since Tuesday." in text_of(member_client.get("/"))


@pytest.mark.parametrize("own", [3, 30], ids=["on the page", "beyond the page"])
def test_the_readers_own_posts_are_not_new(member, member_client, bob, back_on_friday, own):
    write(member, own, "mine")
    write(bob, 2)

    assert "2 new since Tuesday." in text_of(member_client.get("/"))


def test_a_post_that_commits_late_is_unread(member, member_client, bob, back_on_friday, clock):
    fresh = PostFactory(author=bob, id=ids.first_id_at(timezone.now()))
    member_client.get("/")
    PostFactory(author=bob, content="late", id=fresh.pk - (500 << ids.RANDOM_BITS))
    clock.shift(timedelta(hours=1))

    assert "late" in contents(member_client.get("/unread/", follow=True))


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(timedelta(hours=2), "07:30 UTC"), (timedelta(days=1), "yesterday"), (timedelta(days=4), "Friday")]
    + [(timedelta(days=40), "22 Jan"), (timedelta(days=400), "27 Jan 2025")],
)
def test_the_time_of_the_last_visit_in_words(member, member_client, bob, clock, ago, expected):
    clock.move_to(TUESDAY.replace(hour=9, minute=30))
    read = PostFactory(author=bob, id=ids.first_id_at(datetime.now(tz=LONG_AGO.tzinfo) - ago))
    ReadMarker.start(member, read.pk)
    write(bob, 1)

    assert f"1 new since {expected}." in text_of(member_client.get("/"))


def test_a_page_view_writes_only_if_it_shows_new_posts_and_not_too_often(
    member_client, bob, back_on_friday, clock
):
    assert writes_of(member_client, "/") == []
    write(bob, 1)
    assert len(writes_of(member_client, "/")) == 1
    assert writes_of(member_client, "/") == []
    clock.shift(WRITE_INTERVAL / 2)
    write(bob, 3)
    assert writes_of(member_client, "/") == []
    clock.shift(WRITE_INTERVAL)
    assert len(writes_of(member_client, "/")) == 1


def test_a_prefetched_page_is_not_read(member_client, bob, back_on_friday):
    write(bob, 3)
    member_client.get("/", headers={"Sec-Purpose": "prefetch;prerender"})

    assert "3 new since Tuesday." in text_of(member_client.get("/"))


def test_a_marker_that_cannot_be_stored_does_not_break_the_page(member_client, bob, back_on_friday, caplog):
    write(bob, 3)
    with mock.patch.object(ReadMarker, "record", side_effect=DatabaseError("read-only")):
        assert member_client.get("/").status_code == 200
    assert "read-only" in caplog.text


def test_two_pages_at_once_do_not_undo_each_other(member):
    ReadMarker.start(member, 100)
    ReadMarker.start(member, 50)
    one, other = ReadMarker.objects.get(), ReadMarker.objects.get()
    one.record(100, 300)
    other.record(100, 200)

    assert ReadMarker.objects.get().position == 300


stretch = st.tuples(st.integers(0, 40), st.integers(0, 10)).map(lambda s: (s[0], s[0] + s[1]))


@given(st.integers(0, 20), st.lists(stretch, max_size=12))
def test_only_posts_that_were_shown_count_as_read(start, stretches):
    marker = ReadMarker(position=start, divider=start)
    shown = set(range(start + 1))
    for low, high in stretches:
        before = marker.position
        marker.add(low, high)
        shown.update(range(low + 1, high + 1))
        assert set(range(marker.position + 1)) <= shown
        assert marker.position >= (max(before, high) if low <= before else before)


def test_the_permalink_leads_to_the_post_in_its_authors_timeline(client, bob):
    posts = [PostFactory(author=bob) for _ in range(50)]
    middle = posts[25]
    url = f"/@bob/?before={middle.pk + 1}#post-{middle.pk}"

    assert f'href="{url}"' in client.get(f"/posts/{middle.pk}/").content.decode()
    page = client.get(url).context["page"]
    assert page.items[0] == middle
    assert page.newer is not None


class TestTheCountOnTheHomePage:
    """Counting takes as long as the page, so the count is cached."""

    @pytest.fixture(autouse=True)
    def many_unread(self, back_on_friday, bob):
        write(bob, 30, "new")

    def count(self, client):
        return client.get("/", headers={"Sec-Purpose": "prefetch"}).context["new_posts"].count

    def test_it_is_counted_once_a_minute(self, member_client, clock, monkeypatch):
        counted = []
        new_posts_for = positions.new_posts_for
        monkeypatch.setattr(
            positions, "new_posts_for", lambda *args: counted.append(args) or new_posts_for(*args)
        )
        clock.shift(timedelta(seconds=5))

        assert [self.count(member_client) for _view in range(3)] == [30, 30, 30]
        assert len(counted) == 1

    def test_newer_posts_count_at_once(self, member_client, bob, clock):
        for written, count in ((0, 30), (3, 33), (25, 58), (60, 100)):  # Less than a page, and more.
            clock.shift(timedelta(seconds=100))
            write(bob, written, "newer")
            assert self.count(member_client) == count

    def test_after_a_minute_deleted_posts_no_longer_count(self, member_client, clock):
        clock.shift(timedelta(seconds=5))
        assert self.count(member_client) == 30
        Post.objects.filter(content__startswith="new").earliest("pk").delete()
        cache.clear()  # As after a minute. The cache uses the real clock.
        assert self.count(member_client) == 29

    def test_without_a_cache_it_is_counted_each_time(self, member_client, clock, monkeypatch):
        monkeypatch.setattr(positions, "ask_cache", lambda *args: None)
        clock.shift(timedelta(seconds=5))
        assert [self.count(member_client) for _view in range(2)] == [30, 30]
