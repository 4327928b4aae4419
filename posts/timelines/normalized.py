"""The home timeline read straight from posts and follows: exact, and nothing to maintain.

One query per engine finds the ids, and the ORM loads those posts around it in the same round trip. Both were
measured against the textbook join and other shapes: see docs/timelines.md.
"""

import re

from django.db import connections, router
from django.db.models.expressions import RawSQL

from accounts.models import Block, Follow, User
from posts.ids import MAX_ID, settled_id
from posts.models import Post
from posts.timelines.base import HomeTimeline

# Whom the reader follows, and the reader. Suspended and blocked people leave this set before any post is looked at:
# they are few, and small indexes hold just them.
AUTHORS = """
    SELECT f.followed_id AS author_id FROM {follow} f
    WHERE f.follower_id = %(reader)s
      AND f.followed_id NOT IN (
        SELECT u.id FROM {user} u WHERE u.suspended_on IS NOT NULL
        UNION ALL SELECT b.blocked_id FROM {block} b WHERE b.blocker_id = %(reader)s
        UNION ALL SELECT b.blocker_id FROM {block} b WHERE b.blocked_id = %(reader)s)
    UNION ALL SELECT %(reader)s
"""

# SQLite walks the authors and, in the index (author, id), each one's posts; as the posts come in the order asked for,
# it leaves an author at the first post that cannot make the page. CROSS JOIN keeps it from swapping the two.
ORDERED_JOIN = """
    SELECT p.id FROM ({authors}) a CROSS JOIN {post} p ON p.author_id = a.author_id
    WHERE p.hidden_on IS NULL AND p.id {compare} %(position)s
    ORDER BY p.id {direction} LIMIT %(limit)s
"""

# PostgreSQL probes each author's first post in walking order, one index lookup each. Nobody beyond the first `limit`
# of these heads can be on the page; and of those who can, only posts not beyond the last head.
HEADS = """
    WITH heads AS MATERIALIZED (
        SELECT a.author_id, h.id FROM ({authors}) a CROSS JOIN LATERAL (
            SELECT p.id FROM {post} p
            WHERE p.author_id = a.author_id AND p.hidden_on IS NULL AND p.id {compare} %(position)s
            ORDER BY p.id {direction} LIMIT 1
        ) h
        ORDER BY h.id {direction} LIMIT %(limit)s
    )
    SELECT n.id FROM heads CROSS JOIN LATERAL (
        SELECT p.id FROM {post} p
        WHERE p.author_id = heads.author_id AND p.hidden_on IS NULL AND p.id {compare} %(position)s
        ORDER BY p.id {direction} LIMIT %(limit)s
    ) n
    ORDER BY n.id {direction} LIMIT %(limit)s
"""

QUERIES = {"sqlite": ORDERED_JOIN, "postgresql": HEADS}

OLDER = {"compare": "<", "direction": "DESC"}
NEWER = {"compare": ">", "direction": "ASC"}


class NormalizedTimeline(HomeTimeline):
    def posts(self, reader, *, before=None, after=None, limit):
        newer = before is None and after is not None
        found = found_by(reader, after if newer else before, limit, newer=newer)
        return list(found.for_display().order_by("-id"))

    def count_newer(self, reader, position, limit):
        found = found_by(reader, position, limit, newer=True)
        return found.filter(id__lt=settled_id()).exclude(author=reader).count()


def found_by(reader, position, limit, *, newer=False):
    """Return the posts that `id_query` finds for `reader`, as a queryset."""
    sql, params = id_query(reader.pk, position, limit, newer=newer)
    found = RawSQL(sql, params)  # noqa: S611 (the SQL is this module's; what varies are parameters)
    return Post.objects.filter(id__in=found)


def id_query(reader_id, position, limit, *, newer=False):
    """Return (sql, params) that find the ids of at most `limit` posts, next to `position`, for the reader."""
    connection = connections[router.db_for_read(Post)]
    quote = connection.ops.quote_name
    tables = {
        "post": quote(Post._meta.db_table),
        "follow": quote(Follow._meta.db_table),
        "user": quote(User._meta.db_table),
        "block": quote(Block._meta.db_table),
    }
    walk = NEWER if newer else OLDER
    sql = QUERIES[connection.vendor].format(authors=AUTHORS.format(**tables), **tables, **walk)
    values = {"reader": reader_id, "position": MAX_ID + 1 if position is None else position, "limit": limit}
    return _positional(sql, values)


def _positional(sql, values):
    """RawSQL takes its parameters by position only."""
    name = re.compile(r"%\((\w+)\)s")
    return name.sub("%s", sql), [values[key] for key in name.findall(sql)]
