"""The contract of a home timeline.

A reader's home timeline contains every post that is visible to them and written by them, or by people they currently follow and
haven't muted. Of these people's replies, it contains only those to the reader, to the author's own posts, and to people whom the
reader follows and sees: not muted, blocked or suspended. A reply keeps replying to the same person when that post is hidden or
deleted; if that person's account is gone, nobody matches. The timeline contains each post once, ordered by id, newest first,
and nothing else. This is true at all times and on every page, down to the oldest post. Invisible posts are filtered out before
the limit, so a page is full unless it is the last in its direction.
"""

from operator import attrgetter

from accounts.common.cursors import PAGE_SIZE, paginate


class HomeTimeline:
    """The home timelines of all readers. A subclass decides what is stored and how it is read."""

    # Whether posts are fanned out to Redis. If so, the class is a posts.timelines.redis.base.FanOutTimeline.
    needs_redis = False

    def page(self, reader, cursor, size=PAGE_SIZE):
        """Return the accounts.common.cursors.Page of posts at `cursor`, each with its author loaded."""

        def fetch(before, after, limit):
            return self.posts(reader, before=before, after=after, limit=limit)

        return paginate(fetch, cursor, size, attrgetter("pk"), attrgetter("settled"))

    def posts(self, reader, *, before=None, after=None, limit):
        """Return a list of at most `limit` posts, newest first, as PostQuerySet.for_lists() loads them.

        By default, these are the newest of all. With `before`, they are the newest with a lower id, and with `after`, the
        oldest with a higher id.
        """
        raise NotImplementedError

    def count_newer(self, reader, position, limit):
        """Return how many of the next `limit` posts above `position` are settled (see posts.ids) and by other people."""
        newer = self.posts(reader, after=position, limit=limit)
        return sum(post.pk < post.settled and post.author_id != reader.pk for post in newer)

    def invalidate(self):
        """Discard all stored data except posts and follows. The data is rebuilt when a reader needs it."""

    def delete_stored(self):
        """Free the memory of data that `invalidate()` discarded. May raise Unavailable."""
