"""The home timeline read straight from posts and follows: exact, and nothing to maintain."""

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from posts.ids import settled
from posts.models import Post
from posts.timelines.base import HomeTimeline
from posts.timelines.queries import follows_many, id_query, table_names, vendor

# Made once: making it takes as long as asking SQLite.
NEWEST_FIRST = Post.objects.for_lists().order_by("-id")

# How many readers a process remembers something about.
REMEMBERED = 100_000


class NormalizedTimeline(HomeTimeline):
    """One query finds the ids, and the ORM loads those posts around it in the same round trip."""

    def __init__(self):
        # Readers of few, as far as this process has seen: they are spared the question whether they are of many. Should
        # one of them be of many by now, their page takes longer and is as right.
        self.readers_of_few = set()

    def posts(self, reader, *, before=None, after=None, limit):
        newer = before is None and after is not None
        position = after if newer else before
        walk = reader.pk not in self.readers_of_few
        posts = posts_found_by(*id_query(reader.pk, position, limit, newer=newer, walk=walk))
        if walk:
            posts = posts.annotate(reader_of_many=RawSQL(*follows_many(reader.pk)))  # noqa: S611
        posts = list(posts)
        if walk and not (posts and posts[0].reader_of_many):
            self.remember(reader)
        return posts

    def count_newer(self, reader, position, limit):
        walk = reader.pk not in self.readers_of_few
        found = posts_found_by(*id_query(reader.pk, position, limit, newer=True, walk=walk))
        return found.filter(id__lt=settled()).exclude(author=reader).count()

    def remember(self, reader):
        if len(self.readers_of_few) >= REMEMBERED:
            self.readers_of_few.clear()
        self.readers_of_few.add(reader.pk)


def posts_found_by(sql, params):
    """Return the queryset of the posts whose ids the query finds, newest first, each with its author.

    The SQL is that of posts.timelines.queries; what varies are parameters.
    """
    # PostgreSQL plans a look-up of an array in less time than a join.
    found = f"= ANY (ARRAY({sql}))" if vendor() == "postgresql" else f"IN ({sql})"
    condition = RawSQL(f"{table_names()['post']}.id {found}", params, BooleanField())  # noqa: S611
    return NEWEST_FIRST.filter(condition)
