"""`read` and `growth`: a page of the home timeline, for each kind of reader, compared with other queries.

The other queries ignore suspended, blocked and muted people, and to whom posts reply, and some also hidden posts, so the
comparison includes what filtering costs.
"""

from itertools import islice

from django.db import connection

from accounts.common.cursors import PAGE_SIZE
from accounts.models import User
from posts.ids import MAX_ID
from posts.models import Post
from posts.timelines.queries import compile_sql, id_query
from socializer.benchmark.measuring import Candidate, compare

DEEP_PAGE = 50

COLUMNS = "id, author_id, content, created_on, hidden_on"

AUTHORS = """
    SELECT f.followed_id AS author_id FROM {follow} f WHERE f.follower_id = %(reader)s UNION ALL SELECT %(reader)s
"""

# The query that most people would write first.
TEXTBOOK = """
    SELECT p.id FROM {post} p
    WHERE (p.author_id = %(reader)s OR p.author_id IN (SELECT followed_id FROM {follow} WHERE follower_id = %(reader)s))
      AND p.id < %(position)s
    ORDER BY p.created_on DESC, p.id DESC LIMIT {limit}
"""

LATERAL = f"""
    SELECT n.id FROM ({AUTHORS}) a CROSS JOIN LATERAL (
        SELECT p.id FROM {{post}} p WHERE p.author_id = a.author_id AND {{visible}} AND p.id < %(position)s
        ORDER BY p.id DESC LIMIT {{limit}}
    ) n ORDER BY n.id DESC LIMIT {{limit}}
"""  # noqa: S608

ORDERED_JOIN = f"""
    SELECT p.id FROM ({AUTHORS}) a CROSS JOIN {{post}} p ON p.author_id = a.author_id
    WHERE {{visible}} AND p.id < %(position)s ORDER BY p.id DESC LIMIT {{limit}}
"""  # noqa: S608

LATEST_PER_AUTHOR = f"""
    WITH latest AS MATERIALIZED (
        SELECT a.author_id, l.id FROM ({AUTHORS}) a CROSS JOIN LATERAL (
            SELECT p.id FROM {{post}} p WHERE p.author_id = a.author_id AND {{visible}} AND p.id < %(position)s
            ORDER BY p.id DESC LIMIT 1
        ) l ORDER BY l.id DESC LIMIT {{limit}}
    )
    SELECT n.id FROM latest CROSS JOIN LATERAL (
        SELECT p.id FROM {{post}} p
        WHERE p.author_id = latest.author_id AND {{visible}} AND p.id < %(position)s
        ORDER BY p.id DESC LIMIT {{limit}}
    ) n ORDER BY n.id DESC LIMIT {{limit}}
"""  # noqa: S608

RECENCY_SCAN = """
    SELECT p.id FROM {post} p WHERE p.id < %(position)s AND {visible}
    AND (p.author_id = %(reader)s OR p.author_id IN (SELECT followed_id FROM {follow} WHERE follower_id = %(reader)s))
    ORDER BY p.id DESC LIMIT {limit}
"""

OTHER_QUERIES = {
    "postgresql": {
        "textbook": TEXTBOOK,
        "lateral": LATERAL,
        "latest per author": LATEST_PER_AUTHOR,
        "recency scan": RECENCY_SCAN,
    },
    "sqlite": {"textbook": TEXTBOOK, "ordered join": ORDERED_JOIN, "recency scan": RECENCY_SCAN},
}


def compare_pages(member, timelines, rounds, **where):
    """Return the Results for the first page of `member` and, if there is one, for the fiftieth.

    `timelines` is a dict from names to HomeTimelines.
    """
    all_ids = expected_ids(member)
    results = []
    for page in (1, DEEP_PAGE):
        start = (page - 1) * PAGE_SIZE
        ids = all_ids[start : start + PAGE_SIZE]
        if page == 1 or len(ids) == PAGE_SIZE:
            position = all_ids[start - 1] if start else MAX_ID + 1
            candidates = list(candidates_for(member, timelines, position, ids))
            results += compare(candidates, rounds, page=page, **where)
    return results


def expected_ids(reader):
    """Return the ids of the timeline's first fifty pages, computed directly from its definition."""
    count = PAGE_SIZE * DEEP_PAGE
    ids = set(Post.objects.filter(author=reader, hidden_on=None).values_list("pk", flat=True))
    authors = User.objects.filter(followed_by__follower=reader, suspended_on=None)
    authors = set(authors.values_list("pk", flat=True))
    for author in authors:
        posts = Post.objects.filter(author=author, hidden_on=None).order_by("-pk")
        replied_to = {author, reader.pk, *authors}
        rows = posts.values_list("pk", "thread", "in_reply_to_author")
        found = (pk for pk, thread, person in rows.iterator() if thread is None or person in replied_to)
        ids.update(islice(found, count))
    return sorted(ids, reverse=True)[:count]


def candidates_for(reader, timelines, position, ids):
    """Yield the candidates: the floor, which fetches the posts of the page by key, then the other queries and the timelines."""
    before = None if position > MAX_ID else position
    marks = ", ".join(["%s"] * len(ids)) or "NULL"
    sql = f"SELECT {COLUMNS} FROM {Post._meta.db_table} WHERE id IN ({marks}) ORDER BY id DESC"  # noqa: S608
    yield Candidate("20 by key, driver", by_driver(sql, ids), "20 by key, driver", ids)

    def keys_by_orm():
        return [post.pk for post in Post.objects.filter(pk__in=ids).for_lists().order_by("-pk")]

    yield Candidate("20 by key, ORM", keys_by_orm, "20 by key, ORM", ids)

    sql, params = id_query(reader.pk, position, PAGE_SIZE)
    yield Candidate("normalized, driver", posts_by_driver(sql, params), "20 by key, driver", ids)
    for name, sql in OTHER_QUERIES[connection.vendor].items():
        values = {"reader": reader.pk, "position": position}
        sql, params = compile_sql(sql, values, limit=PAGE_SIZE)
        yield Candidate(f"{name}, driver", posts_by_driver(sql, params), "20 by key, driver")

    for name, timeline in timelines.items():

        def by_timeline(timeline=timeline):
            return [post.pk for post in timeline.posts(reader, before=before, limit=PAGE_SIZE)]

        yield Candidate(name, by_timeline, "20 by key, ORM", ids)


def posts_by_driver(sql, params):
    """Return a function that runs the SQL to find ids, loads the posts with these ids, and returns the ids."""
    found = f"= ANY (ARRAY({sql}))" if connection.vendor == "postgresql" else f"IN ({sql})"
    table = Post._meta.db_table
    return by_driver(f"SELECT {COLUMNS} FROM {table} WHERE id {found} ORDER BY id DESC", params)  # noqa: S608


def by_driver(sql, params):
    def run():
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return [row[0] for row in cursor.fetchall()]

    return run
