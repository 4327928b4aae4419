"""The SQL of the fan-out timelines, for each engine."""

from functools import lru_cache

from posts.timelines import queries
from posts.timelines.redis.models import HighFanoutAuthor, PendingPost, TimelineGeneration, TimelineVersion

# The version under which a reader's timeline must be stored to be used.
GENERATION = "coalesce((SELECT value FROM {generation_table}), 0)"
VERSION = "(coalesce((SELECT value FROM {version_table} WHERE reader_id = %(reader)s), 0) + {generation})"

# If more than PENDING_MAX posts are waiting for their fan-out, pages come from the normalized timeline, because checking all of
# these posts would take longer.
PENDING_MAX = 500
FEW_PENDING = "((SELECT 1 FROM {pending_table} LIMIT 1 OFFSET {pending_max}) IS NULL)"

# The authors whose posts are never stored: the reader, whose own posts must appear at once, and high-fanout authors.
LOOKED_UP_AUTHORS = """
    SELECT f.followed_id AS author_id FROM {follow} f
    WHERE f.follower_id = %(reader)s AND f.followed_id IN (SELECT author_id FROM {high_fanout_table})
"""

# SQLite applies one limit to the posts of all these authors, so posts of invisible authors must be left out before the limit.
# The query for SQLite has no join, because SQLite can't estimate how few these authors are and would build a Bloom filter over
# all posts.
LOOKED_UP_POSTS = {
    "postgresql": """
        SELECT n.id FROM ({looked_up_authors} UNION ALL SELECT %(reader)s) a CROSS JOIN LATERAL (
            SELECT {p}.id FROM {post}
            WHERE {p}.author_id = a.author_id AND {visible} AND {addressed}
            AND {p}.id < %(position)s AND {p}.id >= %(floor)s
            ORDER BY {p}.id DESC LIMIT {limit}
        ) n
    """,
    "sqlite": """
        SELECT id FROM (
            SELECT {p}.id FROM {post}
            WHERE {p}.author_id IN ({looked_up_authors} AND {followed_not_suspended} AND {followed_not_excluded} UNION ALL SELECT %(reader)s)
            AND {visible} AND {addressed} AND {p}.id < %(position)s AND {p}.id >= %(floor)s
            ORDER BY {p}.id DESC LIMIT {limit}
        )
    """,
}

# A post on the page is among the candidates from Redis, is waiting for its fan-out, or is never stored.
PROPOSED = {
    "postgresql": "{p}.id = ANY (%(candidates)s::bigint[] || ARRAY({not_stored}))",
    "sqlite": "{p}.id IN (SELECT value FROM json_each(%(candidates)s) UNION ALL {not_stored})",
}
NOT_STORED = """
    SELECT post_id FROM {pending_table} WHERE post_id < %(position)s AND post_id >= %(floor)s
    UNION ALL {looked_up_posts}
"""

# Whether a candidate post belongs to the timeline, and whether the candidates are up to date. This is written in SQL because the
# ORM would take longer to compile it than the database takes to run it.
CHECKED = """
    {visible} AND {belongs} AND {version} = %(version)s AND {few_pending}
"""
PAGE_CONDITIONS = {
    engine: f"({proposed} AND {CHECKED})".replace("{not_stored}", NOT_STORED).replace(
        "{looked_up_posts}", LOOKED_UP_POSTS[engine]
    )
    for engine, proposed in PROPOSED.items()
}

# The newest posts of each given author, and the person to whom each replies, or 0 if anyone who follows the author sees it. Replies
# to people who have left are left out.
REPLIES_TO = (
    "CASE WHEN p.in_reply_to_author_id <> p.author_id THEN p.in_reply_to_author_id ELSE 0 END AS person_id"
)
SEEN = "p.hidden_on IS NULL AND (p.thread IS NULL OR p.in_reply_to_author_id IS NOT NULL)"
NEWEST_BY_AUTHOR = {
    "postgresql": f"""
        SELECT a.author_id, n.id, n.person_id FROM unnest(%(authors)s::bigint[]) a(author_id) CROSS JOIN LATERAL (
            SELECT p.id, {REPLIES_TO} FROM {{post}} p
            WHERE p.author_id = a.author_id AND {SEEN} ORDER BY p.id DESC LIMIT {{limit}}
        ) n ORDER BY a.author_id, n.id DESC
    """,  # noqa: S608
    "sqlite": f"""
        SELECT author_id, id, person_id FROM (
            SELECT p.author_id, p.id, {REPLIES_TO},
            row_number() OVER (PARTITION BY p.author_id ORDER BY p.id DESC) AS rank
            FROM {{post}} p WHERE p.author_id IN (SELECT value FROM json_each(%(authors)s)) AND {SEEN}
        ) WHERE rank <= {{limit}} ORDER BY author_id, id DESC
    """,  # noqa: S608
}

PARTS = {
    "few_pending": FEW_PENDING,
    "looked_up_authors": LOOKED_UP_AUTHORS,
    "version": VERSION,
    "generation": GENERATION,
}
TABLES = {
    "generation_table": TimelineGeneration,
    "high_fanout_table": HighFanoutAuthor,
    "pending_table": PendingPost,
    "version_table": TimelineVersion,
}


def compile_sql(sql, values, **parts):
    """Like posts.timelines.queries.compile_sql(), but also fills in the parts and tables of this module."""
    return queries.compile_sql(_with_parts(queries.vendor(), sql), values, pending_max=PENDING_MAX, **parts)


@lru_cache(maxsize=50)
def _with_parts(engine, sql):
    for name, part in PARTS.items():
        sql = sql.replace(f"{{{name}}}", part)
    for name, model in TABLES.items():
        sql = sql.replace(f"{{{name}}}", queries.table_name(model))
    return sql
