"""The home timeline as a page. test_contract.py tests what it contains after any series of changes."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.common import local_cache
from accounts.common.cursors import Cursor
from accounts.models import User
from accounts.tests.factories import FollowFactory, UserFactory
from posts import ids
from posts.models import Post
from posts.reading.models import ReadMarker
from posts.tests.factories import LONG_AGO, PostFactory
from posts.timelines import home_timeline, queries
from posts.timelines.normalized import NormalizedTimeline
from posts.timelines.queries import id_query


@pytest.fixture
def followed(member):
    """A person whom the member follows."""
    return FollowFactory(follower=member, followed=UserFactory(username="bob")).followed


def contents(response):
    return [post.content for post in response.context["page"]]


def test_pages_by_cursor(member, member_client, followed):
    for number in range(45):
        PostFactory(author=followed if number % 3 else member, content=f"n{number}")
    PostFactory(content="by a stranger")

    first = member_client.get("/")
    assert contents(first) == [f"n{n}" for n in range(44, 24, -1)]
    second = member_client.get("/", {"before": first.context["page"].older})
    assert contents(second) == [f"n{n}" for n in range(24, 4, -1)]
    third = member_client.get("/", {"before": second.context["page"].older})
    assert contents(third) == [f"n{n}" for n in range(4, -1, -1)]
    assert "Older" not in third.content.decode()
    assert contents(member_client.get("/", {"after": third.context["page"].newer})) == contents(second)


def test_new_and_deleted_posts_do_not_shift_a_page(member_client, followed):
    posts = [PostFactory(author=followed) for _ in range(30)]
    older = member_client.get("/").context["page"].older
    before = contents(member_client.get("/", {"before": older}))

    PostFactory(author=followed)
    Post.objects.get(pk=older).delete()

    assert contents(member_client.get("/", {"before": older})) == before
    assert posts[0].content in before


def test_follow_and_unfollow_affect_earlier_posts(member, member_client):
    middle = PostFactory(content="middle")
    PostFactory(author=member, content="newest")

    assert contents(member_client.get("/")) == ["newest"]
    member.follow(middle.author)
    assert contents(member_client.get("/")) == ["newest", "middle"]
    member.unfollow(middle.author)
    assert contents(member_client.get("/")) == ["newest"]


@pytest.mark.parametrize("blocker", ["member", "bob"])
def test_a_block_hides_posts_even_if_there_is_still_a_follow(member, member_client, followed, blocker):
    PostFactory(author=followed, content="unseen")
    assert contents(member_client.get("/")) == contents(member_client.get("/explore/")) == ["unseen"]
    member.block(followed) if blocker == "member" else followed.block(member)
    FollowFactory(follower=member, followed=followed)

    assert contents(member_client.get("/")) == []
    assert contents(member_client.get("/explore/")) == []


@pytest.mark.parametrize("path", ["/", "/explore/", "/@ada/"])
@pytest.mark.parametrize("cursor", ["x", "-1", str(2**53), "9" * 30, "1.0", "²"])
@pytest.mark.parametrize("name", ["before", "after"])
def test_an_invalid_cursor_is_not_found(member_client, path, name, cursor):
    assert member_client.get(path, {name: cursor}).status_code == 404


def test_cursors_at_the_edges(member_client, followed):
    PostFactory(author=followed, content="only")

    assert contents(member_client.get("/?before=")) == ["only"]
    assert contents(member_client.get(f"/?before={ids.MAX_ID}&after={ids.MAX_ID}")) == ["only"]
    beyond = member_client.get("/?before=0")
    assert contents(beyond) == []
    assert "There's nothing more here." in beyond.content.decode()
    assert contents(member_client.get(f"/?after={ids.MAX_ID}")) == []


def test_a_post_that_commits_late_is_found_on_newer_pages(member, followed):
    """An id is made before its transaction commits, so a post can still appear just below the newest."""
    early = [PostFactory(author=followed) for _ in range(2)]
    now = LONG_AGO + timedelta(days=1000)  # Later than all posts of the factory.
    with time_machine.travel(now, tick=False):
        fresh = PostFactory(author=followed, id=ids.first_id_at(timezone.now()))
        page = home_timeline().page(member, Cursor(before=fresh.pk + 1))
        late = PostFactory(author=followed, id=fresh.pk - (500 << ids.RANDOM_BITS))
        forward = home_timeline().page(member, Cursor(after=page.newer))

    assert list(page) == [fresh, *reversed(early)]
    assert late in list(forward)


def test_the_number_of_queries_does_not_grow(member_client, followed, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr("posts.rendering.cards.mentions_version", lambda: "the same all the time")
    for size in (2, 200):
        for _ in range(size):
            PostFactory(author=FollowFactory(follower=followed.followers.get()).followed, content="@bob")
        ReadMarker.objects.all().delete()
        member_client.get("/")
        local_cache.clear_all()
        # Session, user, timeline, what the reader did, the newest notification, and the mentioned members until the cards are in memory.
        for query_count in (6, 5):
            with django_assert_num_queries(query_count):
                member_client.get("/")


def test_every_step_of_the_home_query_uses_an_index(member, followed):
    """That is what makes it fast."""
    for _ in range(50):
        PostFactory(author=followed)
    sql, params = id_query(member.pk, None, 21)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{sql}", params)
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())

    assert "post_author_newest" in plan
    assert "SCAN p" not in plan
    assert "Seq Scan on posts_post" not in plan


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no autovacuum settings")
@pytest.mark.django_db
def test_posts_are_vacuumed_often():
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE relname = %s", [Post._meta.db_table])
        assert "autovacuum_vacuum_scale_factor=0.01" in cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("many", "stored_count", "scans"), [(0, 1, True), (0, 0, False), (500, 1, False), (500, 501, False)]
)
def test_the_recency_scan_runs_only_for_a_reader_who_follows_many(
    member, followed, monkeypatch, many, stored_count, scans
):
    """The other query is made to find nothing, so only the scan can find the page. The stored count may be wrong."""
    member.following_count = stored_count
    monkeypatch.setattr(queries, "MANY", many)
    monkeypatch.setattr(queries, "LATEST_PER_AUTHOR", "SELECT id FROM {post} WHERE 1 = 0")
    monkeypatch.setattr(
        queries, "ORDERED_JOIN", "SELECT id FROM {post} WHERE 1 = 0 LIMIT ({ordered_join_limit})"
    )
    queries._positional.cache_clear()
    for _ in range(3):
        PostFactory(author=followed)
    assert len(NormalizedTimeline().posts(member, limit=3)) == (3 if scans else 0)
    queries._positional.cache_clear()


def test_visitors_see_the_newest_public_posts(client, followed):
    PostFactory(author=followed, content="hello")
    hidden = PostFactory(author=followed)
    hidden.hide()

    assert contents(client.get("/")) == ["hello"]
    assert 'class="welcome"' in client.get("/").content.decode()
    assert User.objects.visible().count() == 2


def test_htmx_gets_only_the_next_posts(member_client, followed):
    for _ in range(25):
        PostFactory(author=followed)
    older = member_client.get("/").context["page"].older

    response = member_client.get("/", {"before": older}, headers={"HX-Request": "true"})

    text = response.content.decode()
    assert text.count("<article") == 5
    assert "<html" not in text
    assert "Newer" not in text
    assert "HX-Request" in response["Vary"]


def test_a_page_of_another_member_is_not_continued(client, member, member_client, followed):
    """The reader may have logged out or in, in another tab."""
    refreshed = []
    for some_client in (member_client, client):
        for viewer in (str(member.pk), ""):
            headers = {"HX-Request": "true", "X-Viewer": viewer}
            refreshed.append("HX-Refresh" in some_client.get("/explore/", headers=headers))

    assert refreshed == [False, True, True, False]


def test_the_old_address_redirects_to_the_home_timeline(client, db):
    response = client.get("/users/feed/")
    assert (response.status_code, response.url) == (301, "/")


@pytest.mark.parametrize("path", ["/explore/", "/@bob/"])
def test_the_number_of_queries_of_other_timelines_does_not_grow(
    member_client, followed, path, django_assert_num_queries, django_assert_max_num_queries
):
    PostFactory(author=followed, content="@bob")
    with django_assert_max_num_queries(7) as captured:
        member_client.get(path)
    for _ in range(30):
        PostFactory(author=followed, content="@bob @ada")
    with django_assert_num_queries(len(captured)):
        assert len(contents(member_client.get(path))) == 20


def test_relative_times(member_client, followed):
    now = datetime(2026, 3, 5, 9, 30, tzinfo=LONG_AGO.tzinfo)
    for days in (0, 1, 3, 30, 400):
        PostFactory(author=followed, id=ids.first_id_at(now - timedelta(days=days)))
    with time_machine.travel(now + timedelta(minutes=12), tick=False):
        text = member_client.get("/").content.decode()

    for time in (">12 min<", ">yesterday<", ">3 days<", ">3 Feb<", ">29 Jan 2025<"):
        assert time in text
