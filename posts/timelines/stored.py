"""What the two fan-out timelines have in common: candidates from Redis, judged by the database.

Redis only ever proposes ids. The query that loads the posts checks each against follows, blocks and visibility, adds the
reader's own posts, those of authors who are not stored, and those that are still on their way; and it answers only if
the reader's stamp is the one under which the candidates were stored. Whatever cannot be had in this way comes from
`normalized`, within the same request.
"""

import json
from dataclasses import dataclass

from django.db import connections, router
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from posts import tasks
from posts.breaker import Unavailable
from posts.ids import MAX_ID
from posts.models import PendingPost, Post, PulledAuthor, TimelineEpoch, TimelineStamp
from posts.timelines.normalized import NEWEST_FIRST, NormalizedTimeline
from posts.timelines.queries import compile_sql, vendor
from posts.timelines.store import Store

# More candidates than the page has posts, as some may be gone.
SPARE = 10


@dataclass(frozen=True)
class Candidates:
    """Ids that may be on the page. Of what is in the timeline down to `floor`, none is missing; 0: down to its end."""

    ids: list
    floor: int
    stamp: int


class StoredTimeline(NormalizedTimeline):
    """A subclass says with `candidates()` and `build()` what is stored, and with `carry()` how a post gets there."""

    needs_redis = True

    def __init__(self):
        super().__init__()
        self.store = Store()

    # What it is told

    def post_appeared(self, post):
        PendingPost.objects.update_or_create(post=post, defaults={"reached": 0})
        tasks.carry_post.enqueue(post.pk)

    def follows_changed(self, reader):
        TimelineStamp.renew(reader)

    def forget(self):
        TimelineEpoch.renew()
        PulledAuthor.objects.all().delete()

    def free_memory(self):
        self.store.delete("timeline:*")

    # What it answers

    def posts(self, reader, *, before=None, after=None, limit):
        if before is not None or after is None:
            position = MAX_ID + 1 if before is None else before
            posts = self.stored_posts(reader, position, limit)
            if posts is not None:
                return posts
        return super().posts(reader, before=before, after=after, limit=limit)

    def stored_posts(self, reader, position, limit):
        """Return the page, or None if it cannot be had from what is stored."""
        try:
            found = self.candidates(reader, position, limit + SPARE)
            posts = self.checked(reader, found, position, limit)
            if posts is None and position > MAX_ID and self.is_worth_building(reader, found):
                posts = self.checked(reader, self.build(reader), position, limit)
        except Unavailable:
            return None
        return posts

    def checked(self, reader, found, position, limit):
        """Return the page if it can be had from these Candidates, else None."""
        if found is None:
            return None
        posts = list(posts_among(reader.pk, found, position, limit))
        full = len(posts) == limit or (posts and found.floor == 0)
        return posts if full else None

    def is_worth_building(self, reader, found):
        """Whether the page would come from what is stored if that were stored anew."""
        if found is None:
            return True
        sql, params = compile_sql("SELECT {stamp}, {few_pending}", {"reader": reader.pk})
        with connections[router.db_for_read(Post)].cursor() as cursor:
            cursor.execute(sql, params)
            stamp, few_pending = cursor.fetchone()
        return few_pending and (stamp != found.stamp or found.floor > 0)

    def candidates(self, reader, position, count):
        """Return at least `count` Candidates below `position`, or None if there are none stored for this reader."""
        raise NotImplementedError

    def build(self, reader):
        """Store what the reader needs, and return Candidates for the first page from it, or None."""
        raise NotImplementedError

    def carry(self, pending):
        """Bring the post to where readers will find it. May be done again, by several at once."""
        raise NotImplementedError


# Whose posts are never stored: the reader's own are there at once, and those of authors with very many followers would
# take too long to be brought everywhere.
LOOKED_UP = """
    SELECT f.followed_id AS author_id FROM {follow} f
    WHERE f.follower_id = %(reader)s AND f.followed_id IN (SELECT author_id FROM {pulled})
"""

# SQLite counts off the posts of them all together, so those of people who are not seen must not be among them. It is not
# given a join: it would build a filter of all posts for it, as it does not know how few people these are.
NEWEST_LOOKED_UP = {
    "postgresql": """
        SELECT n.id FROM ({looked_up} UNION ALL SELECT %(reader)s) a CROSS JOIN LATERAL (
            SELECT p.id FROM {post} p
            WHERE p.author_id = a.author_id AND {visible} AND p.id < %(position)s AND p.id >= %(floor)s
            ORDER BY p.id DESC LIMIT {limit}
        ) n
    """,
    "sqlite": """
        SELECT id FROM (
            SELECT p.id FROM {post} p
            WHERE p.author_id IN ({looked_up} AND {followed_seen} UNION ALL SELECT %(reader)s)
            AND {visible} AND p.id < %(position)s AND p.id >= %(floor)s
            ORDER BY p.id DESC LIMIT {limit}
        )
    """,
}

# Where posts of the page may be: among the candidates, on their way, or never stored.
PROPOSED = {
    "postgresql": "{post}.id = ANY (%(candidates)s::bigint[] || ARRAY({not_stored}))",
    "sqlite": "{post}.id IN (SELECT value FROM json_each(%(candidates)s) UNION ALL {not_stored})",
}
NOT_STORED = """
    SELECT post_id FROM {pending} WHERE post_id < %(position)s AND post_id >= %(floor)s
    UNION ALL {newest_looked_up}
"""

# Of each of them, and of the reader's list: whether it may be shown. All of it in SQL, as the ORM's words take longer to be
# put into SQL than that to be answered.
BELONGS = """
    {post}.hidden_on IS NULL
    AND ({post}.author_id = %(reader)s OR (
        SELECT 1 FROM {follow} f WHERE f.follower_id = %(reader)s AND f.followed_id = {post}.author_id
    ) IS NOT NULL)
    AND {proposed_seen}
    AND {stamp} = %(stamp)s AND {few_pending}
"""
CONDITIONS = {
    engine: f"({proposed} AND {BELONGS})".replace("{not_stored}", NOT_STORED)
    .replace("{newest_looked_up}", NEWEST_LOOKED_UP[engine])
    .replace("{looked_up}", LOOKED_UP)
    for engine, proposed in PROPOSED.items()
}


def posts_among(reader_id, found, position, limit):
    """Return the queryset of the posts on the page, newest first: of the Candidates, and of what is never stored."""
    engine = vendor()
    values = {"reader": reader_id, "position": position, "floor": found.floor, "stamp": found.stamp}
    values["candidates"] = found.ids if engine == "postgresql" else json.dumps(found.ids)
    condition = RawSQL(*compile_sql(CONDITIONS[engine], values, limit=limit), BooleanField())  # noqa: S611
    return NEWEST_FIRST.filter(condition)[:limit]
