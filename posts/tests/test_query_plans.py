"""On a large site no query of a home timeline may go through a whole table, whatever the planner does not know."""

import pytest
from django.db import connection

from posts.ids import MAX_ID
from posts.timelines.normalized import posts_found_by
from posts.timelines.queries import id_query
from posts.timelines.stored import Candidates, posts_among

# What ANALYZE would find: rows in the index, and rows for each value of its columns. Of empty tables, such as that of pulled
# authors at first, it says nothing, and SQLite takes them for a million rows, more than are here.
STATISTICS = [
    ("posts_post", "post_author_newest", "500000 50 1 1"),
    ("accounts_follow", "follow_followed_follower", "300000 30 1"),
    ("accounts_user", "user_suspended", "200 1"),
]
TABLES = {"posts_post", "accounts_follow", "accounts_user", "p", "f", "u"}


@pytest.fixture
def large_site(db):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL looks at the size of the tables itself")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.executemany("INSERT INTO sqlite_stat1 VALUES (%s, %s, %s)", STATISTICS)
        cursor.execute("ANALYZE sqlite_schema")


def assert_reads_little(queryset):
    for step in queryset.explain().splitlines():
        what, _space, table = step.partition("SCAN ")
        assert "BLOOM FILTER" not in step, step
        assert not table or table.split()[0] not in TABLES, step


@pytest.mark.usefixtures("large_site")
@pytest.mark.parametrize("walk", [False, True])
@pytest.mark.parametrize("newer", [False, True])
def test_normalized_goes_by_indexes(member, walk, newer):
    assert_reads_little(posts_found_by(*id_query(member.pk, None, 21, newer=newer, walk=walk)))


@pytest.mark.usefixtures("large_site")
def test_candidates_are_looked_up_by_key(member):
    assert_reads_little(posts_among(member.pk, Candidates([1, 2, 3], 0, 0), MAX_ID + 1, 20))
