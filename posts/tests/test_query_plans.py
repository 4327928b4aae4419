"""On a large site no query of a home timeline may scan a whole table, even where the planner has no statistics."""

import pytest
from django.db import connection

from posts.ids import MAX_ID
from posts.timelines.normalized import posts_found_by
from posts.timelines.queries import id_query
from posts.timelines.redis.base import Candidates, posts_among

# What ANALYZE would find: the rows in the index, and the rows for each value of its columns. It finds nothing about empty tables,
# such as the one of high-fanout authors at first. SQLite assumes that they have a million rows.
STATISTICS = [
    ("posts_post", "post_author_newest", "500000 50 1 1"),
    ("accounts_follow", "follow_followed_follower", "300000 30 1"),
    ("accounts_user", "user_suspended", "200 1"),
]
TABLES = {"posts_post", "accounts_follow", "accounts_user", "p", "f", "u"}


@pytest.fixture
def large_site(db):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL looks at the size of the tables")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.executemany("INSERT INTO sqlite_stat1 VALUES (%s, %s, %s)", STATISTICS)
        cursor.execute("ANALYZE sqlite_schema")


def assert_uses_indexes(queryset):
    for step in queryset.explain().splitlines():
        _before, _space, table = step.partition("SCAN ")
        assert "BLOOM FILTER" not in step, step
        assert not table or table.split()[0] not in TABLES, step


@pytest.mark.usefixtures("large_site")
@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("scan", [False, True])
def test_the_normalized_timeline_uses_indexes(member, newer, scan):
    assert_uses_indexes(posts_found_by(*id_query(member.pk, None, 21, newer=newer, scan=scan)))


@pytest.mark.usefixtures("large_site")
def test_candidates_are_looked_up_by_key(member):
    assert_uses_indexes(posts_among(member.pk, Candidates([1, 2, 3], 0, 0), MAX_ID + 1, 20))
