from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import F

from accounts.querysets import (
    BLOCKED,
    FOLLOWED_BY_VIEWER,
    MUTED_BY_VIEWER,
    NOINDEX,
    SUSPENDED,
    PersonCondition,
    without_blocked,
    without_muted,
)
from posts.ids import settled

# The columns that cards and feeds show, and the columns that determine which actions a card offers.
LISTED = (
    *("content", "language", "created_on", "edited_on", "hidden_on"),
    # For the line that says to whom a post replies. See posts.conversations.replied_to.
    *("thread", "in_reply_to", "in_reply_to_author"),
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


class CappedCount(models.Subquery):
    """How many rows a sliced queryset has."""

    template = "(SELECT count(*) FROM (%(subquery)s) counted)"
    output_field = models.IntegerField()


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

    def in_language(self, language):
        """Return posts in the language with that code, which may have been unknown when they were published."""
        return self.filter(language=language)

    def without_replies(self):
        """Return posts that don't reply to anybody, or only to their own author."""
        return self.filter(models.Q(thread=None) | models.Q(in_reply_to_author=F("author")))

    def with_is_muted(self, viewer):
        """Add `is_muted`, whether `viewer` has muted the author. It is False for a visitor."""
        if not viewer.is_authenticated:
            return self.annotate(is_muted=models.Value(False))
        return self.annotate(is_muted=PersonCondition(MUTED_BY_VIEWER, "author", viewer.pk))

    def with_replied_to_name(self, viewer):
        """Add `replied_to_name`, the username of the person to whom a post replies, or None if `viewer` may not see them."""
        people = get_user_model().objects.visible_to(viewer).filter(pk=models.OuterRef("in_reply_to_author"))
        return self.annotate(replied_to_name=models.Subquery(people.values("username")))

    def public(self):
        """Return the public timeline: posts that everyone may read and that aren't replies."""
        return self.visible().filter(thread=None)

    def public_to(self, viewer):
        """Return the public timeline of `viewer`, without the posts of people whom they have blocked or muted."""
        return without_muted(without_blocked(self.public(), "author", viewer), "author", viewer)

    def followed_by(self, reader):
        """Return the home timeline without the reader's own posts. posts.timelines.base states which posts those are."""
        person = "in_reply_to_author"
        unseen = models.Q(PersonCondition(SUSPENDED, person)) | models.Q(
            PersonCondition(BLOCKED, person, reader.pk)
        )
        unseen |= models.Q(PersonCondition(MUTED_BY_VIEWER, person, reader.pk))
        followed = models.Q(PersonCondition(FOLLOWED_BY_VIEWER, person, reader.pk))
        addressed = models.Q(thread=None) | models.Q(in_reply_to_author=reader) | (followed & ~unseen)
        posts = without_muted(self.visible_to(reader), "author", reader)
        return posts.filter(addressed, author__in=reader.followings.values("followed"))

    def bookmarked_by(self, member):
        """Return visible posts that `member` has bookmarked, latest bookmark first, with `position`."""
        bookmarked = self.visible_to(member).filter(bookmarks__member=member)
        return bookmarked.annotate(position=F("bookmarks__id")).order_by("-position")

    def with_like_count(self, viewer, *, limit):
        """Add `like_count`, the number of visible people who like the post, without those with a block, at most `limit`."""
        likes = self.model.likes.rel.related_model.objects.filter(post=models.OuterRef("pk"))
        visible = likes.exclude(PersonCondition(SUSPENDED, "member"))
        counted = without_blocked(visible, "member", viewer).values("pk")
        return self.annotate(like_count=CappedCount(counted[:limit]))

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

    def for_lists(self, *more):
        """Load the authors, but only the columns that a list shows and `more`, because loading all takes noticeably longer.

        `settled` is the id below which no new post could appear when the posts were read. See posts.ids.
        """
        return self.for_display().only(*LISTED, *more).annotate(settled=settled())


class RevisionQuerySet(models.QuerySet):
    """Queries for the earlier versions of posts."""

    def newest_first(self):
        """Sort by the time when the versions were replaced, latest first, with the id as `position`."""
        return self.annotate(position=F("id")).order_by("-id")
