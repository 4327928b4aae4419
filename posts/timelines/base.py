"""The contract of a home timeline.

For a reader it holds every visible post of theirs and of everyone whom they follow now, each once, ordered by id,
newest first, and nothing else; at every moment, on every page, down to the oldest post. What must not show is filtered
before the limit, so that a page is full unless it is the last in its direction.
"""

from operator import attrgetter

from accounts.paging import paginate


class HomeTimeline:
    """Answers for every reader. A subclass decides what is stored and how it is read."""

    page_size = 20
    needs_redis = False

    def page(self, reader, cursor):
        """Return the accounts.paging.Page of posts at `cursor`, each with its author loaded."""

        def fetch(before, after, limit):
            return self.posts(reader, before=before, after=after, limit=limit)

        return paginate(fetch, cursor, self.page_size, attrgetter("pk"), attrgetter("settled"))

    def posts(self, reader, *, before=None, after=None, limit):
        """Return at most `limit` posts, newest first, as PostQuerySet.for_lists() loads them.

        The newest of all; with `before`, the newest of those with a lower id; with `after`, the oldest of those with
        a higher id.
        """
        raise NotImplementedError

    def count_newer(self, reader, position, limit):
        """Return how many of the next `limit` posts above `position` are by others and stand where they will stay."""
        newer = self.posts(reader, after=position, limit=limit)
        return sum(post.pk < post.settled and post.author_id != reader.pk for post in newer)

    # What a timeline is told, inside the transaction of the change

    def post_appeared(self, post):
        """`post` was published or restored."""

    def follows_changed(self, reader):
        """`reader` follows somebody more, or somebody less."""

    def forget(self):
        """Throw away whatever is stored beside posts and follows; it is made anew when it is needed."""

    def free_memory(self):
        """Delete what `forget()` has made useless."""
