"""The home timeline, read directly from posts and follows. It is always exact and needs no maintenance."""

from functools import lru_cache

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from accounts.common.compiled_queries import CompiledQuery
from posts.ids import MAX_ID, settled
from posts.models import Post
from posts.timelines.base import HomeTimeline
from posts.timelines.queries import id_query, id_sql, may_scan, table_name, vendor

NEWEST_FIRST = Post.objects.for_lists().order_by("-id")


class NormalizedTimeline(HomeTimeline):
    """Finds the ids with engine-specific SQL, and loads the posts with the ORM in the same statement."""

    def posts(self, reader, *, before=None, after=None, limit):
        newer = before is None and after is not None
        position = after if newer else before
        position = MAX_ID + 1 if position is None else position
        sql, names = id_sql(limit, newer=newer, scan=may_scan(reader))
        return page_query(sql, names).rows(reader=reader.pk, position=position)

    def count_newer(self, reader, position, limit):
        found = posts_found_by(*id_query(reader.pk, position, limit, newer=True, scan=may_scan(reader)))
        return found.filter(id__lt=settled()).exclude(author=reader).count()


@lru_cache(maxsize=100)
def page_query(sql, names):
    """Return the CompiledQuery for the posts whose ids `sql` finds. `names` contains the names of its parameters, in order."""

    def build(**values):
        return posts_found_by(sql, [values[name] for name in names])

    return CompiledQuery(build, **dict.fromkeys(names))


def posts_found_by(sql, params):
    """Return the queryset of the posts whose ids `sql` finds, newest first, each with its author."""
    # PostgreSQL plans an array lookup faster than a join.
    found = f"= ANY (ARRAY({sql}))" if vendor() == "postgresql" else f"IN ({sql})"
    condition = RawSQL(f"{table_name(Post)}.id {found}", params, BooleanField())  # noqa: S611
    return NEWEST_FIRST.filter(condition)
