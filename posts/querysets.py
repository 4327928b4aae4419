from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import F

from accounts.querysets import is_among, without_blocked
from posts.ids import settled

# What a card and a feed show of a post, and what says which actions it offers.
LISTED = (
    *("content", "created_on", "edited_on", "hidden_on"),
    *("author__username", "author__display_name", "author__picture"),
)


class PostQuerySet(models.QuerySet):
    """The words in which posts are asked for."""

    def visible(self):
        """Posts that everyone may read: not hidden, nor by a suspended person."""
        return self.filter(hidden_on=None).without_authors(get_user_model().objects.suspended())

    def indexable(self):
        """Visible posts that search engines may show."""
        return self.visible().without_authors(get_user_model().objects.filter(noindex=True))

    def without_authors(self, people):
        """Posts by others than `people`, a queryset that is read from an index of these alone."""
        return self.exclude(is_among(people, "author"))

    def visible_to(self, viewer):
        """Visible posts by people without a block between them and `viewer`."""
        return without_blocked(self.visible(), "author", viewer)

    def open_to(self, viewer):
        """Posts that `viewer` may open one by one: what they see in lists, and their own or, to moderators, all hidden."""
        shown = models.Q(hidden_on=None) | models.Q(author=viewer.pk)
        if viewer.is_staff and viewer.has_perm("posts.change_post"):
            shown = models.Q()
        return without_blocked(self.filter(shown, author__suspended_on=None), "author", viewer)

    def by(self, author):
        return self.filter(author=author)

    def followed_by(self, reader):
        """Visible posts of those whom `reader` follows: the home timeline without one's own."""
        return self.visible_to(reader).filter(author__in=reader.followings.values("followed"))

    def between(self, first, end):
        """Posts whose ids are `first` or above and below `end`."""
        return self.filter(id__gte=first, id__lt=end)

    def submitted_as(self, submission):
        """The post, if any, that one and the same request has made before; without a `submission`, none."""
        return self.filter(submission=submission) if submission else self.none()

    def reported(self):
        """Posts with open reports; adds `report_count`, and loads the reports as `open_reports`."""
        open_reports = self.model.reports.rel.related_model.objects.filter(closed_on=None)
        counts = (
            open_reports.filter(post=models.OuterRef("pk"))
            .order_by()
            .values("post")
            .annotate(count=models.Count("pk"))
            .values("count")
        )
        # From the open reports, which are few, to their posts: not through all posts.
        return (
            self.filter(pk__in=open_reports.values("post"))
            .annotate(report_count=models.Subquery(counts))
            .prefetch_related(
                models.Prefetch("reports", open_reports.select_related("reporter"), to_attr="open_reports")
            )
        )

    def newest_first(self):
        """In the order of every timeline; `position` is the id."""
        return self.annotate(position=F("id")).order_by("-id")

    def for_display(self):
        """With everything that a page shows of a post, in one query."""
        return self.select_related("author")

    def for_lists(self):
        """With everything that a list shows of its posts, in one query, and nothing else: twenty at once take their time.

        `settled` is the id below which no new post could appear any more when they were read.
        """
        return self.for_display().only(*LISTED).annotate(settled=settled())


class RevisionQuerySet(models.QuerySet):
    """The words in which earlier texts are asked for."""

    def newest_first(self):
        """The latest replaced first; `position` orders them."""
        return self.annotate(position=F("id")).order_by("-id")
