from django.db import models
from django.db.models import F

from accounts.querysets import NOINDEX, SUSPENDED, PersonCondition, without_blocked
from posts.ids import settled

# The columns that cards and feeds show, and the columns that determine which actions a card offers.
LISTED = (
    *("content", "created_on", "edited_on", "hidden_on"),
    *("author__username", "author__display_name", "author__picture"),
)


class CappedPostCount(models.Func):
    """How many posts the person in a column has, at most `limit`. Reads only an index, and no more of it than needed.

    With the `condition` VISIBLE, hidden posts don't count.
    """

    VISIBLE = "AND p.hidden_on IS NULL"
    template = (
        "(SELECT count(*) FROM (SELECT 1 FROM posts_post p"
        " WHERE p.author_id = %(expressions)s %(condition)s LIMIT %(limit)d) capped)"
    )
    output_field = models.IntegerField()

    def __init__(self, column, *, limit, condition=""):
        super().__init__(column, limit=limit, condition=condition)


class PostQuerySet(models.QuerySet):
    """Queries for posts. They can be chained."""

    def visible(self):
        """Return posts that everyone may read: not hidden, and not by a suspended person."""
        return self.filter(hidden_on=None).exclude(PersonCondition(SUSPENDED, "author"))

    def indexable(self):
        """Return visible posts that search engines may show."""
        return self.visible().exclude(PersonCondition(NOINDEX, "author"))

    def visible_to(self, viewer):
        """Return visible posts whose authors haven't blocked `viewer` and aren't blocked by them."""
        return without_blocked(self.visible(), "author", viewer)

    def open_to(self, viewer):
        """Return posts whose page `viewer` may open: listed posts, their own hidden ones and, for moderators, all hidden ones."""
        allowed = models.Q(hidden_on=None) | models.Q(author=viewer.pk)
        if viewer.is_staff and viewer.has_perm("posts.change_post"):
            allowed = models.Q()
        return without_blocked(self.filter(allowed, author__suspended_on=None), "author", viewer)

    def by(self, author):
        return self.filter(author=author)

    def followed_by(self, reader):
        """Return visible posts by people whom `reader` follows. This is the home timeline without the reader's own posts."""
        return self.visible_to(reader).filter(author__in=reader.followings.values("followed"))

    def between(self, first, end):
        """Return posts with ids from `first` up to, but not including, `end`."""
        return self.filter(id__gte=first, id__lt=end)

    def submitted_as(self, submission):
        """Return a queryset with the post that an earlier request with this `submission` created, if there is one."""
        return self.filter(submission=submission) if submission else self.none()

    def newest_first(self):
        """Sort in timeline order, with the id as `position`."""
        return self.annotate(position=F("id")).order_by("-id")

    def for_display(self):
        """Load the authors too, so that a page can show the posts without another query."""
        return self.select_related("author")

    def for_lists(self):
        """Load the authors, but only the columns that a list shows, because loading more takes noticeably longer.

        `settled` is the id below which no new post could appear when the posts were read. See posts.ids.
        """
        return self.for_display().only(*LISTED).annotate(settled=settled())


class RevisionQuerySet(models.QuerySet):
    """Queries for the earlier versions of posts."""

    def newest_first(self):
        """Sort by the time when the versions were replaced, latest first, with the id as `position`."""
        return self.annotate(position=F("id")).order_by("-id")
