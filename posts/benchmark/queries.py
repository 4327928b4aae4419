"""What a timeline is compared with: the floor, and other ways to ask, as simple as they can be.

The others know neither suspended nor blocked people nor hidden posts: what filtering costs is in the comparison.
"""

from django.db import connection

from posts.benchmark.measuring import Candidate
from posts.models import Post
from posts.timelines.queries import compile_sql, id_query

COLUMNS = "id, author_id, content, created_on, hidden_on"

UNFILTERED = """
    SELECT f.followed_id AS author_id FROM {follow} f WHERE f.follower_id = %(reader)s UNION ALL SELECT %(reader)s
"""

# What everybody writes first.
TEXTBOOK = """
    SELECT p.id FROM {post} p
    WHERE (p.author_id = %(reader)s OR p.author_id IN (SELECT followed_id FROM {follow} WHERE follower_id = %(reader)s))
      AND p.id < %(position)s
    ORDER BY p.created_on DESC, p.id DESC LIMIT {limit}
"""

LATERAL = f"""
    SELECT n.id FROM ({UNFILTERED}) a CROSS JOIN LATERAL (
        SELECT p.id FROM {{post}} p WHERE p.author_id = a.author_id AND {{visible}} AND p.id < %(position)s
        ORDER BY p.id DESC LIMIT {{limit}}
    ) n ORDER BY n.id DESC LIMIT {{limit}}
"""  # noqa: S608

ORDERED_JOIN = f"""
    SELECT p.id FROM ({UNFILTERED}) a CROSS JOIN {{post}} p ON p.author_id = a.author_id
    WHERE {{visible}} AND p.id < %(position)s ORDER BY p.id DESC LIMIT {{limit}}
"""  # noqa: S608

HEADS = f"""
    WITH heads AS MATERIALIZED (
        SELECT a.author_id, h.id FROM ({UNFILTERED}) a CROSS JOIN LATERAL (
            SELECT p.id FROM {{post}} p WHERE p.author_id = a.author_id AND {{visible}} AND p.id < %(position)s
            ORDER BY p.id DESC LIMIT 1
        ) h ORDER BY h.id DESC LIMIT {{limit}}
    )
    SELECT n.id FROM heads CROSS JOIN LATERAL (
        SELECT p.id FROM {{post}} p WHERE p.author_id = heads.author_id AND {{visible}} AND p.id < %(position)s
        ORDER BY p.id DESC LIMIT {{limit}}
    ) n ORDER BY n.id DESC LIMIT {{limit}}
"""  # noqa: S608

WALK = """
    SELECT p.id FROM {post} p WHERE p.id < %(position)s AND {visible}
    AND (p.author_id = %(reader)s OR p.author_id IN (SELECT followed_id FROM {follow} WHERE follower_id = %(reader)s))
    ORDER BY p.id DESC LIMIT {limit}
"""

OTHERS = {
    "postgresql": {"textbook": TEXTBOOK, "lateral": LATERAL, "heads": HEADS, "walk": WALK},
    "sqlite": {"textbook": TEXTBOOK, "ordered join": ORDERED_JOIN, "walk": WALK},
}


def floor(ids):
    """Fetching the posts of the page by their keys: nothing can be quicker."""
    marks = ", ".join(["%s"] * len(ids)) or "NULL"
    sql = f"SELECT {COLUMNS} FROM {Post._meta.db_table} WHERE id IN ({marks}) ORDER BY id DESC"  # noqa: S608
    yield Candidate("20 by key, driver", by_driver(sql, ids), "20 by key, driver", ids)

    def by_orm():
        return [post.pk for post in Post.objects.filter(pk__in=ids).for_lists().order_by("-pk")]

    yield Candidate("20 by key, ORM", by_orm, "20 by key, ORM", ids)


def normalized_by_driver(reader, position, ids, limit, *, walk):
    sql, params = id_query(reader.pk, position, limit, walk=walk)
    return Candidate("normalized, driver", loading(sql, params), "20 by key, driver", ids)


def others(reader, position, limit):
    for name, sql in OTHERS[connection.vendor].items():
        sql, params = compile_sql(sql, {"reader": reader.pk, "position": position}, limit=limit)
        yield Candidate(f"{name}, driver", loading(sql, params), "20 by key, driver")


def loading(sql, params):
    table = Post._meta.db_table
    found = f"= ANY (ARRAY({sql}))" if connection.vendor == "postgresql" else f"IN ({sql})"
    return by_driver(f"SELECT {COLUMNS} FROM {table} WHERE id {found} ORDER BY id DESC", params)  # noqa: S608


def by_driver(sql, params):
    def run():
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return [row[0] for row in cursor.fetchall()]

    return run
