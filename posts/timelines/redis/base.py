"""The base class of the two fan-out timelines. Candidates come from Redis and are checked by the database.

Redis only provides candidate ids. The query that loads the posts checks follows, blocks and visibility for each. It adds the
reader's own posts, posts by authors whose posts aren't stored, and posts that are waiting for their fan-out. It finds posts only
if the candidates were stored under the reader's current version. If this doesn't produce the page, the normalized timeline
produces it within the same request.
"""

import json
from dataclasses import dataclass

from django.db import connections, router
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from posts.circuit_breaker import Unavailable
from posts.ids import MAX_ID
from posts.models import Post
from posts.timelines.normalized import NEWEST_FIRST, NormalizedTimeline
from posts.timelines.queries import vendor
from posts.timelines.redis.client import RedisClient
from posts.timelines.redis.models import HighFanoutAuthor, TimelineGeneration
from posts.timelines.redis.queries import PAGE_CONDITIONS, compile_sql

# There are more candidates than posts on the page, because some posts may be deleted or invisible.
EXTRA_CANDIDATES = 10


@dataclass(frozen=True)
class Candidates:
    """Ids that may be on the page. They include every stored id of the timeline down to `floor`, which is 0 at its end.

    `version` is the version under which they were stored.
    """

    ids: list
    floor: int
    version: int


class FanOutTimeline(NormalizedTimeline):
    """A subclass stores and reads data in `build()` and `candidates()`, and adds posts to it in `fan_out()`."""

    needs_redis = True

    def __init__(self):
        self.client = RedisClient()

    def invalidate(self):
        TimelineGeneration.renew()
        HighFanoutAuthor.objects.all().delete()

    def delete_stored(self):
        self.client.delete("timeline:*")

    def posts(self, reader, *, before=None, after=None, limit):
        if before is not None or after is None:
            position = MAX_ID + 1 if before is None else before
            posts = self.posts_from_redis(reader, position, limit)
            if posts is not None:
                return posts
        return super().posts(reader, before=before, after=after, limit=limit)

    def posts_from_redis(self, reader, position, limit):
        """Return the page, or None if the stored data isn't enough for it."""
        count = limit + EXTRA_CANDIDATES
        try:
            found = self.candidates(reader, position, count)
            posts = self.check(reader, found, position, limit)
            if posts is None and position > MAX_ID and self.is_worth_building(reader, found):
                posts = self.check(reader, self.build(reader, count), position, limit)
        except Unavailable:
            return None
        return posts

    def check(self, reader, found, position, limit):
        """Return the page, or None if these Candidates aren't enough for it."""
        if found is None:
            return None
        posts = list(posts_among(reader.pk, found, position, limit))
        full = len(posts) == limit or (posts and found.floor == 0)
        return posts if full else None

    def is_worth_building(self, reader, found):
        """Return whether Redis could provide the page if the reader's timeline were rebuilt."""
        if found is None:
            return True
        sql, params = compile_sql("SELECT {version}, {few_pending}", {"reader": reader.pk})
        with connections[router.db_for_read(Post)].cursor() as cursor:
            cursor.execute(sql, params)
            version, few_pending = cursor.fetchone()
        return few_pending and (version != found.version or found.floor > 0)

    def candidates(self, reader, position, count):
        """Return at least `count` Candidates below `position`, or None if none are stored for this reader."""
        raise NotImplementedError

    def build(self, reader, count):
        """Store the data for the reader. Returns at least `count` Candidates for the first page, or None."""
        raise NotImplementedError

    def fan_out(self, pending):
        """Add the post of this PendingPost to the stored data. This is safe to repeat, even concurrently."""
        raise NotImplementedError


def posts_among(reader_id, found, position, limit):
    """Return the queryset of the posts on the page, newest first. They are among the Candidates or not stored in Redis."""
    engine = vendor()
    values = {"reader": reader_id, "position": position, "floor": found.floor, "version": found.version}
    values["candidates"] = found.ids if engine == "postgresql" else json.dumps(found.ids)
    sql, params = compile_sql(PAGE_CONDITIONS[engine], values, limit=limit, p="{post}")
    condition = RawSQL(sql, params, BooleanField())  # noqa: S611
    return NEWEST_FIRST.filter(condition)[:limit]
