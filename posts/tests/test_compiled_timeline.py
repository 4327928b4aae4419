"""The home timeline's compiled query returns what its queryset returns, for every page of every reader."""

import pytest
import time_machine
from django.db.models.sql.compiler import SQLCompiler

from accounts.models import User
from accounts.tests.factories import FollowFactory, UserFactory
from accounts.tests.test_compiled_queries import assert_same_as_queryset, statements  # noqa: F401 (a fixture)
from posts.ids import MAX_ID
from posts.tests.factories import PostFactory
from posts.timelines import queries
from posts.timelines.normalized import NormalizedTimeline, page_query
from posts.timelines.queries import id_sql


@pytest.fixture
def posts(member):
    """Posts by the reader and by people they follow: one who stays, one suspended, one blocked, and one who blocked them."""
    followed = [UserFactory(username=name) for name in ("bob", "cleo", "dora", "egon")]
    for user in followed:
        FollowFactory(follower=member, followed=user)
    posts = [PostFactory(author=author) for _ in range(3) for author in (member, *followed)]
    hidden = PostFactory(author=followed[0])
    hidden.hide()
    followed[1].suspend()
    member.block(followed[2])
    followed[3].block(member)
    return [post for post in posts if post.author.username in ("ada", "bob")][::-1]


@pytest.mark.parametrize(("many", "scan"), [(0, True), (500, True), (500, False)])
@pytest.mark.parametrize("newer", [False, True])
@time_machine.travel("2026-03-01", tick=False)
def test_every_page_is_what_the_queryset_finds(member, posts, statements, monkeypatch, many, scan, newer):  # noqa: F811
    monkeypatch.setattr(queries, "MANY", many)
    for reader in (member, User.objects.get(username="bob"), UserFactory()):
        for position in (MAX_ID + 1, posts[1].pk, posts[-1].pk, 1):
            for limit in (1, 3, 21):
                query = page_query(*id_sql(limit, newer=newer, scan=scan))
                rows = assert_same_as_queryset(query, statements, reader=reader.pk, position=position)
                if reader == member:
                    expected = [
                        post for post in posts if (post.pk > position if newer else post.pk < position)
                    ]
                    assert rows == (expected[-limit:] if newer else expected[:limit])
                    assert [row.author for row in rows] == [post.author for post in rows]


def test_each_page_knows_when_it_was_read(member, posts):
    """SQLite has no clock, so the SQL holds a number made from the time: it must not be that of the first page."""
    timeline = NormalizedTimeline()
    settled = set()
    for day in (1, 2):
        with time_machine.travel(f"2030-03-0{day}", tick=False):
            settled |= {post.settled for post in timeline.posts(member, limit=3)}
    assert len(settled) == 2


def test_a_home_page_compiles_no_sql(member_client, posts, monkeypatch):
    member_client.get("/")
    compiled = []
    as_sql = SQLCompiler.as_sql

    def recorded(self, *args, **kwargs):
        compiled.append(self.query)
        return as_sql(self, *args, **kwargs)

    monkeypatch.setattr(SQLCompiler, "as_sql", recorded)
    assert "<article" in member_client.get("/").content.decode()
    assert compiled == []


def test_a_suspension_shows_on_the_next_page(member, posts):
    timeline = NormalizedTimeline()
    assert timeline.posts(member, limit=20) == posts
    posts[0].hide()
    assert timeline.posts(member, limit=20) == posts[1:]
    User.objects.get(username="bob").suspend()
    assert {post.author for post in timeline.posts(member, limit=20)} == {member}
