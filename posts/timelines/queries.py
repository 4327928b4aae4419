"""The SQL that finds the ids on a page of a home timeline, for each engine.

Both queries were compared with a simple join and with other variants: see docs/timelines.md.
"""

import re
from functools import lru_cache

from django.db import connections, router

from accounts.models import Block, Follow, Mute, User
from posts.ids import MAX_ID
from posts.models import Post

# Everyone who has blocked the reader, and whom the reader has blocked or muted.
EXCLUDED = """
    SELECT b.blocked_id + b.blocker_id - %(reader)s AS person_id FROM {block} b
    WHERE b.blocker_id = %(reader)s OR b.blocked_id = %(reader)s
    UNION ALL SELECT m.muted_id FROM {mute} m WHERE m.muter_id = %(reader)s
"""

# Whether a person isn't suspended. This is one lookup in an index that contains only suspended people. Listing all of them first
# would make every timeline slower with each suspension.
NOT_SUSPENDED = "(SELECT u.id FROM {user} u WHERE u.id = {person} AND u.suspended_on IS NOT NULL) IS NULL"
NOT_EXCLUDED = "{person} NOT IN ({excluded_list})"
EVERYBODY = "1 = 1"

# The people the reader follows, except those who are excluded. Some may be suspended.
FOLLOWED = """
    SELECT f.followed_id AS person_id FROM {follow} f WHERE f.follower_id = %(reader)s AND {followed_not_excluded}
"""
# Whether the reader follows a person: one lookup in an index, for queries that check only a few. With EXISTS, PostgreSQL might
# first collect everyone the reader follows in a table.
IS_FOLLOWED = """
    (SELECT 1 FROM {follow} f WHERE f.follower_id = %(reader)s AND f.followed_id = {person}) IS NOT NULL
"""

# The same people and the reader
AUTHORS = "SELECT person_id AS author_id FROM ({followed_list}) f UNION ALL SELECT %(reader)s"
# The same people, except those whom home doesn't show to the reader, in the form that is fastest in SQLite.
AUTHORS_VISIBLE = """
    SELECT f.followed_id AS author_id
    FROM {follow} f LEFT JOIN {user} u ON u.id = f.followed_id AND u.suspended_on IS NOT NULL
    WHERE f.follower_id = %(reader)s AND u.id IS NULL
    AND (NOT EXISTS ({excluded}) OR f.followed_id NOT IN ({excluded}))
    UNION ALL SELECT %(reader)s
"""

# The index post_author_newest contains all columns of these checks, so they read no rows of the table.
VISIBLE = "{p}.hidden_on IS NULL"

# Whether a post by one of these authors is in home: it is the reader's own, no reply, or a reply to the reader or to somebody whom
# the reader follows. That includes replies of authors to themselves. A reply to somebody who has left matches nobody: it has a
# thread, but no in_reply_to_author.
ADDRESSED = """
    ({p}.thread IS NULL OR {p}.author_id = %(reader)s OR {p}.in_reply_to_author_id = %(reader)s
    OR ({replied_to_followed} AND {replied_to_not_suspended}))
"""
# For queries that check many posts: everyone the reader follows is collected once. Then a post takes a tenth of the time of
# IS_FOLLOWED.
REPLIED_TO_FOLLOWED = "{p}.in_reply_to_author_id IN ({followed_list})"
REPLIED_TO_FOLLOWED_BY_LOOKUP = "({replied_to_is_followed} AND {replied_to_not_excluded})"

# SQLite goes through the authors and reads the posts of each from the index (author, id). The index is in the order of the page,
# so SQLite moves on to the next author at the first post that can't be on the page. CROSS JOIN prevents it from swapping the
# two loops.
ORDERED_JOIN = """
    SELECT p.id FROM ({authors_visible}) a CROSS JOIN {post} p ON p.author_id = a.author_id
    WHERE {visible} AND {addressed} AND p.id {compare} %(position)s
    ORDER BY p.id {direction} LIMIT ({ordered_join_limit})
"""

# PostgreSQL finds the latest post of each author with one index lookup. Only the `limit` authors with the latest posts can be
# on the page. People the reader may not see are left out before this limit, and PostgreSQL checks only as many people as
# necessary.
LATEST_PER_AUTHOR = """
    WITH latest AS MATERIALIZED (
        SELECT author_id FROM (
            SELECT a.author_id, n.id FROM ({authors}) a CROSS JOIN LATERAL (
                SELECT p.id FROM {post} p
                WHERE p.author_id = a.author_id AND {visible} AND {addressed} AND p.id {compare} %(position)s
                ORDER BY p.id {direction} LIMIT 1
            ) n
            ORDER BY n.id {direction}
        ) l
        WHERE {latest_not_suspended}
        ORDER BY id {direction} LIMIT {limit}
    )
    SELECT n.id FROM latest CROSS JOIN LATERAL (
        SELECT p.id FROM {post} p
        WHERE p.author_id = latest.author_id AND {visible} AND {addressed} AND p.id {compare} %(position)s
        ORDER BY p.id {direction} LIMIT {limit}
    ) n
    ORDER BY n.id {direction} LIMIT {limit}
"""

# The recency scan: a reader who follows many people soon finds a page of their posts among everyone's posts. If the latest
# SCAN_LENGTH posts contain a full page, it is the correct page. If they don't, or if the reader follows only a few people, the
# result is discarded and the other query runs.
BELONGS = """
    ({p}.author_id = %(reader)s OR ({author_is_followed} AND {author_not_suspended} AND {author_not_excluded} AND {addressed_by_lookup}))
"""

# PostgreSQL plans a reference to the same list faster than the list itself.
LISTS = "excluded AS MATERIALIZED ({excluded}), followed AS MATERIALIZED ({followed})"
LISTED_ONCE = {
    "postgresql": {
        "excluded_list": "SELECT person_id FROM excluded",
        "followed_list": "SELECT person_id FROM followed",
    }
}

SCAN_OR_LATEST_PER_AUTHOR = """
    WITH {lists}, scanned AS MATERIALIZED (
        SELECT p.id FROM (
            SELECT p.id, p.author_id, p.thread, p.in_reply_to_author_id FROM {post} p
            WHERE {visible} AND p.id {compare} %(position)s AND {follows_many}
            ORDER BY p.id {direction} LIMIT {scan_length}
        ) p
        WHERE {belongs}
        ORDER BY p.id {direction} LIMIT {limit}
    )
    SELECT id FROM scanned WHERE (SELECT count(*) FROM scanned) >= {limit}
    UNION ALL SELECT id FROM ({latest_per_author}) l WHERE (SELECT count(*) FROM scanned) < {limit}
"""

# This SQL makes SQLite end the scan at a fixed id, scan by primary key, and skip the join if the scan found a page. If the
# condition were outside the join, SQLite would run the join first. For a reader who follows few people, the scan ends before
# its first row. A separate condition wouldn't achieve this, because SQLite would check it for each row.
SCAN_OR_ORDERED_JOIN = """
    WITH scanned AS (
        SELECT p.id FROM {post} p NOT INDEXED
        WHERE {visible} AND p.id {compare} %(position)s AND {belongs} AND p.id {reverse}= CASE WHEN {follows_many} THEN coalesce((
            SELECT id FROM {post} NOT INDEXED WHERE id {compare} %(position)s
            ORDER BY id {direction} LIMIT 1 OFFSET {scan_length}
        ), {end}) ELSE {beyond} END
        ORDER BY p.id {direction} LIMIT {limit}
    )
    SELECT id FROM scanned WHERE (SELECT count(*) FROM scanned) >= {limit}
    UNION ALL SELECT id FROM ({ordered_join})
"""
ORDERED_JOIN_LIMIT = "SELECT CASE WHEN count(*) < {limit} THEN {limit} ELSE 0 END FROM scanned"

# Whether the reader follows more than MANY people
FOLLOWS_MANY = """
    (SELECT count(*) FROM (SELECT 1 FROM {follow} f WHERE f.follower_id = %(reader)s LIMIT {many} + 1) s) > {many}
"""

MANY = 500
# This is enough for a reader who follows one person in a hundred, if everyone posts equally often.
SCAN_LENGTH = 4_000

OLDER = {"compare": "<", "reverse": ">", "direction": "DESC", "end": 0, "beyond": MAX_ID + 1}
NEWER = {"compare": ">", "reverse": "<", "direction": "ASC", "end": MAX_ID, "beyond": -1}

QUERIES = {"sqlite": SCAN_OR_ORDERED_JOIN, "postgresql": SCAN_OR_LATEST_PER_AUTHOR}
# The same without the scan. PostgreSQL plans them in two thirds of the time, which is most of the time of a small page.
WITHOUT_SCAN = {
    "sqlite": "{ordered_join}",
    "postgresql": "WITH {lists} SELECT id FROM ({latest_per_author}) l",
}


# The columns of the people in the conditions above
PEOPLE = {
    "author": "{p}.author_id",
    "followed": "f.followed_id",
    "latest": "l.author_id",
    "replied_to": "{p}.in_reply_to_author_id",
}


def vendor():
    return connections[router.db_for_read(Post)].vendor


def may_scan(reader):
    """Return whether the reader seems to follow many people, so that the recency scan may pay off.

    The stored count may be wrong, which makes a page slower, but not wrong: the queries with and without the scan find the same.
    """
    return reader.following_count > MANY


def id_query(reader_id, position, limit, *, newer=False, everybody=False, scan=True):
    """Return (sql, params) of a query that finds the ids of at most `limit` posts next to `position` for the reader.

    With `everybody`, posts by suspended, blocked and muted people, and replies to them, are included. With `scan`, the query tries
    the recency scan first if the reader follows many people.
    """
    sql, names = id_sql(limit, newer=newer, everybody=everybody, scan=scan)
    values = {"reader": reader_id, "position": MAX_ID + 1 if position is None else position}
    return sql, [values[name] for name in names]


def id_sql(limit, *, newer=False, everybody=False, scan=True):
    """Return the SQL of `id_query()` and a tuple of its parameter names ("reader" and "position") in order."""
    parts = LISTED_ONCE.get(vendor(), {}) | (NEWER if newer else OLDER)
    if scan:
        return _fill_in(QUERIES[vendor()], everybody=everybody, limit=limit, **parts)
    parts |= {"ordered_join_limit": f"{limit}"}
    return _fill_in(WITHOUT_SCAN[vendor()], everybody=everybody, limit=limit, **parts)


def compile_sql(sql, values, **parts):
    """Fill in table names and convert to positional parameters, the only kind that RawSQL accepts. Returns (sql, params).

    The number of rows is in `parts` instead of a parameter, so that a cached query plan takes it into account.
    """
    sql, names = _fill_in(sql, **parts)
    return sql, [values[name] for name in names]


def _fill_in(sql, *, everybody=False, **parts):
    parts = {"many": MANY, "scan_length": SCAN_LENGTH, "visible": VISIBLE, "p": "p"} | parts
    return _positional(vendor(), sql, everybody, **parts)


@lru_cache(maxsize=200)
def _positional(engine, sql, everybody, **parts):
    """Return the SQL for this engine, and a tuple of its parameter names in order."""
    not_suspended, not_excluded = (EVERYBODY, EVERYBODY) if everybody else (NOT_SUSPENDED, NOT_EXCLUDED)
    for name, person in PEOPLE.items():
        parts[f"{name}_is_followed"] = IS_FOLLOWED.replace("{person}", person)
        parts[f"{name}_not_excluded"] = not_excluded.replace("{person}", person)
        parts[f"{name}_not_suspended"] = not_suspended.replace("{person}", person)
    parts = (
        table_names()
        | {
            "addressed": ADDRESSED.replace("{replied_to_followed}", REPLIED_TO_FOLLOWED),
            "addressed_by_lookup": ADDRESSED.replace("{replied_to_followed}", REPLIED_TO_FOLLOWED_BY_LOOKUP),
            "authors": AUTHORS,
            "authors_visible": AUTHORS if everybody else AUTHORS_VISIBLE,
            "belongs": BELONGS,
            "excluded": EXCLUDED,
            "excluded_list": EXCLUDED,
            "followed": FOLLOWED,
            "followed_list": FOLLOWED,
            "follows_many": FOLLOWS_MANY,
            "latest_per_author": LATEST_PER_AUTHOR,
            "lists": LISTS,
            "ordered_join": ORDERED_JOIN,
            "ordered_join_limit": ORDERED_JOIN_LIMIT,
        }
        | parts
    )
    while "{" in sql:  # Parts contain other parts.
        sql = sql.format(**parts)
    sql = " ".join(sql.split())  # For each execution, Psycopg parses a statement of more than 4 kB again.
    parameter = re.compile(r"%\((\w+)\)s")
    return parameter.sub("%s", sql), tuple(parameter.findall(sql))


def table_names():
    """Return a dict from the table names in the SQL above to the quoted names of these tables."""
    models = {"block": Block, "follow": Follow, "mute": Mute, "post": Post, "user": User}
    return {name: table_name(model) for name, model in models.items()}


def table_name(model):
    """Return the quoted name of the model's table."""
    return connections[router.db_for_read(Post)].ops.quote_name(model._meta.db_table)
