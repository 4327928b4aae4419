"""Clocks step back and forth. As far as possible, posts stay in order and none is missed."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from accounts.tests.factories import FollowFactory
from posts import ids
from posts.models import Post
from posts.reading.models import ReadMarker
from posts.tests.factories import PostFactory
from posts.tests.reading import TUESDAY
from posts.views import HomeView, UnreadView

A_MINUTE = 60_000 << ids.RANDOM_BITS


def publish(author, content="text"):
    post = Post(author=author, content=content)
    post.publish()
    post.refresh_from_db()
    return post


@pytest.mark.parametrize("step", [timedelta(milliseconds=1), timedelta(seconds=3), timedelta(seconds=9.99)])
def test_a_clock_that_steps_back_a_little_keeps_the_order_of_posts(bob, clock, step):
    first = publish(bob)
    clock.shift(-step)
    posts = [publish(bob) for _ in range(3)]

    assert [first, *posts] == list(Post.objects.order_by("id"))
    assert {post.created_on for post in posts} == {TUESDAY - step}
    assert ids.time_of(posts[-1].pk) - TUESDAY < timedelta(milliseconds=4)


@pytest.mark.parametrize("ahead", [timedelta(seconds=11), timedelta(days=5)])
def test_a_post_from_the_future_does_not_affect_new_ids(bob, clock, ahead, caplog):
    publish(bob)
    assert not caplog.messages
    PostFactory(author=bob, id=ids.first_id_at(TUESDAY + ahead), content="future")
    clock.shift(timedelta(seconds=0.5))
    post = publish(bob)

    assert ids.time_of(post.pk) == post.created_on == TUESDAY + timedelta(seconds=0.5)
    assert "in the future" in caplog.text
    clock.shift(timedelta(seconds=0.5) - timedelta(seconds=5))
    assert publish(bob).pk > post.pk


def test_a_post_from_the_future_is_shown_as_new(member_client, bob, clock):
    PostFactory(author=bob, id=ids.first_id_at(TUESDAY + timedelta(days=5)))
    assert ">now</time>" in member_client.get("/").content.decode()


@pytest.mark.parametrize("now", [datetime(1970, 1, 1, 0, 5, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)])
def test_with_an_impossible_clock_everything_works_except_posting(member, bob, clock, now):
    PostFactory(author=bob, content="older")
    clock.move_to(now)
    client = Client(raise_request_exception=False)
    client.force_login(member)

    with pytest.raises(ids.WrongClock, match="Set it"):
        publish(bob)
    response = client.post("/posts/add/", {"content": "my text"})
    assert response.status_code == 503
    assert "my text" in response.content.decode()
    assert Post.objects.count() == 1
    for path in ("/", f"/?before={ids.MAX_ID}", "/unread/", "/explore/", "/@bob/", "/@bob/feed.atom"):
        response = client.get(path, follow=True)
        assert response.status_code == 200
        assert "older" in response.content.decode() or "unread" in path
        assert "after=-" not in response.content.decode()


class Reader:
    """Reads the home timeline and unread posts, and records which posts were shown."""

    def __init__(self, member):
        self.client = Client()
        self.client.force_login(member)
        self.seen = set()

    def home(self):
        self.record(self.client.get("/"))

    def unread(self):
        """Read all pages of unread posts."""
        response = self.client.get("/unread/", follow=True)
        if response.request["PATH_INFO"] == "/":
            self.record(response)
            return
        position, page = 0, self.record(response)
        # No link leads beyond settled posts, so the last page may link to itself.
        while page.newer is not None and page.newer > position:
            position = page.newer
            page = self.record(self.client.get("/unread/", {"after": position}))

    def record(self, response):
        page = response.context["page"]
        self.seen |= {post.pk for post in page}
        return page


STEPS = st.tuples(
    st.sampled_from(["post", "post", "post", "home", "unread"]),
    st.integers(0, 3_000),  # How many milliseconds pass.
    st.integers(-5_000, 5_000),  # How many milliseconds the clock is ahead then.
)


@pytest.mark.django_db
@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.generate],  # Examples are slow, so a failing one isn't made smaller.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, min_size=3, max_size=20))
def test_a_clock_that_steps_by_ten_seconds_hides_no_post(steps, monkeypatch):
    for view in (HomeView, UnreadView):
        monkeypatch.setattr(view, "page_size", 3)
    Post.objects.all().delete()
    ReadMarker.objects.all().delete()
    follow = FollowFactory()
    reader, published, now = Reader(follow.follower), [], TUESDAY
    with time_machine.travel(now, tick=False) as clock:
        for action, passed, ahead in [("post", 0, 0), ("home", 0, 0), *steps]:
            now += timedelta(milliseconds=passed)
            clock.move_to(now + timedelta(milliseconds=ahead))
            if action == "post":
                published.append(publish(follow.followed).pk)
            else:
                getattr(reader, action)()
        clock.move_to(now + timedelta(minutes=1))
        reader.unread()

    assert published == sorted(set(published))
    assert reader.seen == set(published)


needs_a_clock_of_its_own = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has no clock of its own"
)


@needs_a_clock_of_its_own
@pytest.mark.database_clock
@pytest.mark.parametrize("error", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-20_000)])
def test_posts_use_the_clock_of_the_database_not_that_of_the_web_machine(member, error):
    bob = FollowFactory(follower=member).followed
    real = now_in_database()
    with time_machine.travel(datetime.now(tz=UTC) + error, tick=False):
        post = publish(bob)
        Post.objects.update(id=post.pk - A_MINUTE)  # As if it were a minute old.
        reader = Reader(member)
        reader.home()
        marker = ReadMarker.objects.get()
        fresh = publish(bob)
        page = reader.client.get("/", {"before": ids.MAX_ID}).context["page"]
        after = reader.client.get("/news/", {"after": ids.first_id_at(real - timedelta(minutes=2))})

    for written in (post, fresh):
        assert timedelta(seconds=-0.1) < written.created_on - real < timedelta(seconds=30)
        assert written.created_on == ids.time_of(written.pk)
    assert page.newer < fresh.pk
    assert "1 new post" in after.content.decode()
    assert marker.position == post.pk - A_MINUTE


def now_in_database():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@needs_a_clock_of_its_own
def test_the_database_and_python_make_the_same_ids_from_a_time(member, clock, monkeypatch):
    clock.shift(timedelta(microseconds=123_999))
    now = datetime.now(tz=UTC)
    monkeypatch.setattr(ids, "DATABASE_CLOCKS", {"postgresql": f"timestamptz '{now}'"})
    offset = timedelta(seconds=-2)
    found = User.objects.annotate(now=ids.IdNow(), earlier=ids.IdNow(offset)).get()

    assert (found.now, found.earlier) == (ids.first_id_at(now), ids.first_id_at(now + offset))
