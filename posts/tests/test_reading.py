"""Where one was: the read mark, what is new, and the way through it."""

from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.core.cache import cache
from django.db import DatabaseError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from posts import ids, reading
from posts.models import Post, ReadMark
from posts.models.reading import PAUSE, VISIT
from posts.tests.factories import LONG_AGO, PostFactory
from posts.tests.reading import TUESDAY, text_of, write, writes_of


def contents(response):
    return [post.content for post in response.context["page"]]


def test_the_first_visit_begins_the_record_and_calls_nothing_new(member, member_client, bob):
    newest = write(bob, 30)[-1]

    text = text_of(member_client.get("/"))

    assert "new since" not in text
    assert "You are here" not in text
    assert member.read_mark.position == newest.pk
    assert "You are all caught up." in text_of(member_client.get("/"))


def test_nothing_to_read_leaves_no_mark(member_client):
    assert "caught up" not in text_of(member_client.get("/"))
    assert member_client.get("/unread/").url == "/"
    assert not ReadMark.objects.exists()


def test_home_says_how_much_is_new_since_when_and_where_one_is(member_client, bob, back_on_friday):
    write(bob, 12)

    text = text_of(member_client.get("/"))

    assert "12 new since Tuesday." in text
    line = text.index("You are here")
    assert text.index(">new 0<") < line < text.index(">old 24<")


def test_the_line_stays_during_the_visit_and_the_news_do_not(member_client, bob, back_on_friday, clock):
    write(bob, 12)
    member_client.get("/")

    again = text_of(member_client.get("/"))
    assert "You are here" in again
    assert "You are all caught up." in again

    clock.shift(VISIT)
    assert "You are here" not in text_of(member_client.get("/"))


def test_the_line_is_found_on_an_older_page_too(member_client, bob, back_on_friday):
    posts = write(bob, 20)
    older = member_client.get("/", {"before": posts[0].pk}, headers={"HX-Request": "true"})

    text = text_of(older)
    assert text.index("You are here") < text.index(">old 24<")


def test_one_link_leads_to_the_oldest_unread_and_forward_until_one_is_through(
    member, member_client, bob, back_on_friday
):
    write(bob, 45)
    home = member_client.get("/")
    assert "45 new since Tuesday." in text_of(home)
    url = f"/unread/?after={home.context['news'].position}"
    assert f'href="{url}"' in home.content.decode()

    read = []
    while url:
        page = member_client.get(url)
        read += contents(page)[::-1]
        newer = page.context["page"].newer
        url = newer and f"/unread/?after={newer}"

    assert read == [f"new {n}" for n in range(45)]
    assert "You are all caught up." in text_of(page)
    assert "You are all caught up." in text_of(member_client.get("/"))
    assert member_client.get("/unread/").url == f"/unread/?after={page.context['page'].items[0].pk}"


def test_the_oldest_comes_first(member_client, bob, back_on_friday):
    write(bob, 3)
    text = text_of(member_client.get("/unread/", follow=True))

    assert "New since Tuesday" in text
    assert text.index("new 0") < text.index("new 1") < text.index("new 2")


def test_what_was_skipped_stays_new(member, member_client, bob, back_on_friday):
    """The newest page alone, of three, does not make the two below it read."""
    write(bob, 45)
    for _twice in range(2):
        assert "45 new since Tuesday." in text_of(member_client.get("/"))

    member_client.get("/", {"before": ids.first_id_at(TUESDAY)})
    assert "45 new since Tuesday." in text_of(member_client.get("/"))


def test_reading_down_to_the_line_makes_all_above_it_read(member, member_client, bob, back_on_friday):
    newest = write(bob, 45)[-1]
    page = member_client.get("/").context["page"]
    for _more in range(2):
        assert member.read_mark.position < newest.pk
        page = member_client.get("/", {"before": page.older}).context["page"]
        member.read_mark.refresh_from_db()

    assert member.read_mark.position == newest.pk


def test_more_than_a_hundred_are_not_counted(member_client, bob, back_on_friday):
    write(bob, 120)
    assert "More than 99 new since Tuesday." in text_of(member_client.get("/"))


@pytest.mark.parametrize("own", [3, 30], ids=["on the page", "beyond the page"])
def test_ones_own_posts_are_not_new(member, member_client, bob, back_on_friday, own):
    write(member, own, "mine")
    write(bob, 2)

    assert "2 new since Tuesday." in text_of(member_client.get("/"))


def test_a_post_that_commits_late_is_still_new(member, member_client, bob, back_on_friday, clock):
    fresh = PostFactory(author=bob, id=ids.first_id_at(timezone.now()))
    member_client.get("/")
    PostFactory(author=bob, content="late", id=fresh.pk - (500 << ids.RANDOM_BITS))
    clock.shift(timedelta(hours=1))

    assert "late" in contents(member_client.get("/unread/", follow=True))


@pytest.mark.parametrize(
    ("ago", "words"),
    [(timedelta(hours=2), "07:30"), (timedelta(days=1), "yesterday"), (timedelta(days=4), "Friday")]
    + [(timedelta(days=40), "22 Jan"), (timedelta(days=400), "27 Jan 2025")],
)
def test_since_when_in_words(member, member_client, bob, clock, ago, words):
    clock.move_to(TUESDAY.replace(hour=9, minute=30))
    read = PostFactory(author=bob, id=ids.first_id_at(datetime.now(tz=LONG_AGO.tzinfo) - ago))
    ReadMark.begin(member, read.pk)
    write(bob, 1)

    assert f"1 new since {words}." in text_of(member_client.get("/"))


def test_a_page_view_writes_only_if_it_shows_something_new_and_not_all_the_time(
    member_client, bob, back_on_friday, clock
):
    assert writes_of(member_client, "/") == []
    write(bob, 1)
    assert len(writes_of(member_client, "/")) == 1
    assert writes_of(member_client, "/") == []
    clock.shift(PAUSE / 2)
    write(bob, 3)
    assert writes_of(member_client, "/") == []
    clock.shift(PAUSE)
    assert len(writes_of(member_client, "/")) == 1


def test_what_a_browser_fetches_on_a_guess_is_not_read(member_client, bob, back_on_friday):
    write(bob, 3)
    member_client.get("/", headers={"Sec-Purpose": "prefetch;prerender"})

    assert "3 new since Tuesday." in text_of(member_client.get("/"))


def test_a_mark_that_cannot_be_stored_costs_nobody_the_page(member_client, bob, back_on_friday, caplog):
    write(bob, 3)
    with mock.patch.object(ReadMark, "note", side_effect=DatabaseError("read-only")):
        assert member_client.get("/").status_code == 200
    assert "read-only" in caplog.text


def test_two_pages_at_once_do_not_undo_each_other(member):
    ReadMark.begin(member, 100)
    ReadMark.begin(member, 50)
    one, other = ReadMark.objects.get(), ReadMark.objects.get()
    one.note(100, 300)
    other.note(100, 200)

    assert ReadMark.objects.get().position == 300


stretch = st.tuples(st.integers(0, 40), st.integers(0, 10)).map(lambda s: (s[0], s[0] + s[1]))


@given(st.integers(0, 20), st.lists(stretch, max_size=12))
def test_nothing_counts_as_read_that_was_not_shown(start, stretches):
    mark = ReadMark(position=start, line=start)
    shown = set(range(start + 1))
    for low, high in stretches:
        before = mark.position
        mark.extend(low, high)
        shown.update(range(low + 1, high + 1))
        assert set(range(mark.position + 1)) <= shown
        assert mark.position >= (max(before, high) if low <= before else before)


def test_from_its_permalink_a_post_is_found_in_its_authors_timeline(client, bob):
    posts = [PostFactory(author=bob) for _ in range(50)]
    middle = posts[25]
    url = f"/@bob/?before={middle.pk + 1}#post-{middle.pk}"

    assert f'href="{url}"' in client.get(f"/posts/{middle.pk}/").content.decode()
    page = client.get(url).context["page"]
    assert page.items[0] == middle
    assert page.newer is not None


class TestTheCountBesideAPage:
    """Counting takes as long as the page, so it is done once in a while only."""

    @pytest.fixture(autouse=True)
    def many_unread(self, back_on_friday, bob):
        write(bob, 30, "new")

    def count(self, client):
        return client.get("/", headers={"Sec-Purpose": "prefetch"}).context["news"].count

    def test_it_is_counted_once_a_minute(self, member_client, clock, monkeypatch):
        counted = []
        news_for = reading.news_for
        monkeypatch.setattr(reading, "news_for", lambda *args: counted.append(args) or news_for(*args))
        clock.shift(timedelta(seconds=5))

        assert [self.count(member_client) for _view in range(3)] == [30, 30, 30]
        assert len(counted) == 1

    def test_what_is_new_counts_at_once(self, member_client, bob, clock):
        for written, count in ((0, 30), (3, 33), (25, 58), (60, 100)):  # Less than a page, and more.
            clock.shift(timedelta(seconds=100))
            write(bob, written, "newer")
            assert self.count(member_client) == count

    def test_what_is_deleted_no_longer_counts_after_a_minute(self, member_client, clock):
        clock.shift(timedelta(seconds=5))
        assert self.count(member_client) == 30
        Post.objects.filter(content__startswith="new").earliest("pk").delete()
        cache.clear()  # As a minute does, which the cache takes from the machine's clock.
        assert self.count(member_client) == 29

    def test_without_a_cache_it_is_counted(self, member_client, clock, monkeypatch):
        monkeypatch.setattr(reading, "ask_cache", lambda *args: None)
        clock.shift(timedelta(seconds=5))
        assert [self.count(member_client) for _view in range(2)] == [30, 30]
