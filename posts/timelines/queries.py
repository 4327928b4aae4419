"""The SQL that finds the ids on a page of a home timeline, for each engine.

Both were measured against the textbook join and other shapes: see docs/timelines.md.
"""

import re
from functools import lru_cache

from django.db import connections, router

from accounts.models import Block, Follow, User
from posts.ids import MAX_ID
from posts.models import PendingPost, Post, PulledAuthor, TimelineEpoch, TimelineStamp

# Everybody with a block between them and the reader, whoever made it.
PARTED = """
    SELECT b.blocked_id + b.blocker_id - %(reader)s FROM {block} b
    WHERE b.blocker_id = %(reader)s OR b.blocked_id = %(reader)s
"""

# Of one person: not suspended, and not parted. One look into an index that holds the suspended alone; were all of them
# listed first, each timeline would take longer with every suspension.
SEEN = """
    (SELECT u.id FROM {user} u WHERE u.id = {person} AND u.suspended_on IS NOT NULL) IS NULL
    AND {person} NOT IN ({parted})
"""
EVERYBODY = "1 = 1"

# Whom the reader follows, and the reader.
AUTHORS = """
    SELECT f.followed_id AS author_id FROM {follow} f WHERE f.follower_id = %(reader)s UNION ALL SELECT %(reader)s
"""
# The same without those who are not seen, in SQLite's quickest words for it.
AUTHORS_SEEN = """
    SELECT f.followed_id AS author_id
    FROM {follow} f LEFT JOIN {user} u ON u.id = f.followed_id AND u.suspended_on IS NOT NULL
    WHERE f.follower_id = %(reader)s AND u.id IS NULL
    AND (NOT EXISTS ({parted}) OR f.followed_id NOT IN ({parted}))
    UNION ALL SELECT %(reader)s
"""

# The index post_author_newest ends with hidden_on, so that this needs no row.
VISIBLE = "p.hidden_on IS NULL"

# SQLite walks the authors and, in the index (author, id), each one's posts; as the posts come in the order asked for,
# it leaves an author at the first post that cannot make the page. CROSS JOIN keeps it from swapping the two.
ORDERED_JOIN = """
    SELECT p.id FROM ({authors_seen}) a CROSS JOIN {post} p ON p.author_id = a.author_id
    WHERE {visible} AND p.id {compare} %(position)s
    ORDER BY p.id {direction} LIMIT {limit}
"""

# PostgreSQL probes each author's first post in walking order, one index lookup each. Nobody beyond the first `limit`
# of these heads can be on the page. Who is not seen leaves them before they are counted off, so that most are never
# asked about: it stops at the last head that it needs.
HEADS = """
    WITH heads AS MATERIALIZED (
        SELECT author_id FROM (
            SELECT a.author_id, n.id FROM ({authors}) a CROSS JOIN LATERAL (
                SELECT p.id FROM {post} p
                WHERE p.author_id = a.author_id AND {visible} AND p.id {compare} %(position)s
                ORDER BY p.id {direction} LIMIT 1
            ) n
            ORDER BY n.id {direction}
        ) h
        WHERE {head_seen}
        ORDER BY id {direction} LIMIT {limit}
    )
    SELECT n.id FROM heads CROSS JOIN LATERAL (
        SELECT p.id FROM {post} p
        WHERE p.author_id = heads.author_id AND {visible} AND p.id {compare} %(position)s
        ORDER BY p.id {direction} LIMIT {limit}
    ) n
    ORDER BY n.id {direction} LIMIT {limit}
"""

# Who follows many meets their posts soon when walking through everyone's. If a page comes together within WALK_LENGTH
# posts it is the right one; if not, or for a reader of few, nothing of it counts and the other query is run. EXISTS would
# let PostgreSQL put all whom the reader follows into a table of its own first.
FOLLOWED_BY_READER = """
    (p.author_id = %(reader)s OR (
        (SELECT 1 FROM {follow} f WHERE f.follower_id = %(reader)s AND f.followed_id = p.author_id) IS NOT NULL
        AND {author_seen}
    ))
"""

WALK_OR_HEADS = """
    WITH walked AS MATERIALIZED (
        SELECT p.id FROM (
            SELECT p.id, p.author_id FROM {post} p WHERE {visible} AND p.id {compare} %(position)s AND {of_many}
            ORDER BY p.id {direction} LIMIT {walk_length}
        ) p
        WHERE {followed}
        ORDER BY p.id {direction} LIMIT {limit}
    )
    SELECT id FROM walked WHERE (SELECT count(*) FROM walked) >= {limit}
    UNION ALL SELECT id FROM ({heads}) h WHERE (SELECT count(*) FROM walked) < {limit}
"""

# SQLite needs to be told where to stop, that the key is the way to walk, and to leave the join alone: it would run it
# before it looks at the condition outside.
WALK_OR_ORDERED_JOIN = """
    WITH walked AS (
        SELECT p.id FROM {post} p NOT INDEXED
        WHERE {visible} AND p.id {compare} %(position)s AND {of_many} AND {followed} AND p.id {reverse}= coalesce((
            SELECT id FROM {post} NOT INDEXED WHERE id {compare} %(position)s
            ORDER BY id {direction} LIMIT 1 OFFSET {walk_length}
        ), {end})
        ORDER BY p.id {direction} LIMIT {limit}
    )
    SELECT id FROM walked WHERE (SELECT count(*) FROM walked) >= {limit}
    UNION ALL SELECT id FROM ({ordered_join})
"""
ONLY_IF_NOT_WALKED = "(SELECT CASE WHEN count(*) < {limit} THEN {limit} ELSE 0 END FROM walked)"

# Whether the reader follows more people than MANY.
FOLLOWS_MANY = """
    (SELECT count(*) FROM (SELECT 1 FROM {follow} f WHERE f.follower_id = %(reader)s LIMIT {many} + 1) s) > {many}
"""

# What dates a reader's stored timeline; see posts.models.timeline.
EPOCH = "coalesce((SELECT value FROM {epoch}), 0)"
STAMP = "(coalesce((SELECT value FROM {stamps} WHERE reader_id = %(reader)s), 0) + {epoch_value})"

# With more than PENDING_MAX posts on their way to stored timelines nobody carries them: looking through them all would
# take longer than doing without.
FEW_PENDING = "((SELECT 1 FROM {pending} LIMIT 1 OFFSET {pending_max}) IS NULL)"

MANY = 500
# Enough for whoever follows one person in a hundred, where everybody posts alike.
WALK_LENGTH = 4_000
PENDING_MAX = 500

OLDER = {"compare": "<", "reverse": ">", "direction": "DESC", "end": 0}
NEWER = {"compare": ">", "reverse": "<", "direction": "ASC", "end": MAX_ID}

# For readers of few, and for whoever may be one of many.
QUERIES = {
    "sqlite": (
        ORDERED_JOIN,
        WALK_OR_ORDERED_JOIN.replace("{ordered_join}", ORDERED_JOIN.replace("{limit}", ONLY_IF_NOT_WALKED)),
    ),
    "postgresql": (HEADS, WALK_OR_HEADS.replace("{heads}", HEADS)),
}


def vendor():
    return connections[router.db_for_read(Post)].vendor


def id_query(reader_id, position, limit, *, newer=False, walk=False, everybody=False):
    """Return (sql, params) that find the ids of at most `limit` posts, next to `position`, for the reader.

    With `walk`, the way for readers of many is tried first, if the reader is one. With `everybody`, posts by suspended and
    blocked people are among them.
    """
    sql = QUERIES[vendor()][walk]
    position = MAX_ID + 1 if position is None else position
    values = {"reader": reader_id, "position": position}
    return compile_sql(sql, values, everybody=everybody, limit=limit, **(NEWER if newer else OLDER))


def follows_many(reader_id):
    """Return (sql, params) that say whether the reader is one of many, by a look at no more than MANY follows."""
    return compile_sql(FOLLOWS_MANY, {"reader": reader_id})


def compile_sql(sql, values, *, everybody=False, **words):
    """Return (sql, params) with the tables' names in place and parameters by position: RawSQL takes no others.

    How many rows are wanted is no parameter but one of the `words`: a plan that is kept for later must know it.
    """
    words |= {"many": MANY, "walk_length": WALK_LENGTH, "pending_max": PENDING_MAX}
    sql, names = _positional(vendor(), sql, everybody, VISIBLE, **words)
    return sql, [values[name] for name in names]


@lru_cache(maxsize=200)
def _positional(engine, sql, everybody, visible, **words):
    """Return the SQL for this engine, and the names of its parameters in their order."""
    seen = EVERYBODY if everybody else SEEN
    parts = {
        "authors": AUTHORS,
        "authors_seen": AUTHORS if everybody else AUTHORS_SEEN,
        "author_seen": seen.replace("{person}", "p.author_id"),
        "epoch_value": EPOCH,
        "few_pending": FEW_PENDING,
        "followed": FOLLOWED_BY_READER,
        "followed_seen": seen.replace("{person}", "f.followed_id"),
        "head_seen": seen.replace("{person}", "h.author_id"),
        "of_many": FOLLOWS_MANY,
        "parted": PARTED,
        "proposed_seen": seen.replace("{person}", "{post}.author_id"),
        "stamp": STAMP,
        "visible": visible,
    }
    while "{" in sql:  # Parts are made of parts.
        sql = sql.format(**table_names(), **parts, **words)
    parameter = re.compile(r"%\((\w+)\)s")
    return parameter.sub("%s", sql), parameter.findall(sql)


def table_names():
    quote = connections[router.db_for_read(Post)].ops.quote_name
    models = {
        "block": Block,
        "epoch": TimelineEpoch,
        "follow": Follow,
        "pending": PendingPost,
        "post": Post,
        "pulled": PulledAuthor,
        "stamps": TimelineStamp,
        "user": User,
    }
    return {name: quote(model._meta.db_table) for name, model in models.items()}
