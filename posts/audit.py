"""What must hold about posts, reports and read marks; see accounts/auditing.py."""

from datetime import timedelta

from django.db.models import F, Q
from django.db.models.functions import Least
from django.utils import timezone

from accounts.auditing import RowCheck, register
from posts import tasks
from posts.ids import MAX_ID, first_id_at, settled
from posts.models import PendingPost, Post, ReadMark, Report
from posts.timelines import home_timeline

# The clocks of two machines may differ by this much.
CLOCKS = timedelta(minutes=1)
# A worker brings a post to all timelines in a moment. After this it has failed to.
CARRIED_AFTER = timedelta(hours=1)


def first_future_id():
    """Return the lowest id that no post can have by now."""
    return first_id_at(timezone.now() + CLOCKS)


@register
class PostIds(RowCheck):
    title = "No post is from the future"
    remedy = "Set the clock of each machine. The posts stay above new ones until their time has come, or are deleted."
    batch = 10_000

    def rows(self):
        return Post.objects.all()

    def wrong(self, rows):
        return rows.filter(Q(id__lt=1) | Q(id__gte=min(first_future_id(), MAX_ID)))


@register
class OpenReports(RowCheck):
    title = "No hidden post has open reports"
    remedy = "The reports are closed."
    can_fix = True

    def rows(self):
        return Report.objects.filter(closed_on=None)

    def wrong(self, rows):
        return rows.filter(post__hidden_on__isnull=False)

    def fix_row(self, row):
        row.post.dismiss()


@register
class ReadMarks(RowCheck):
    """A mark in the future, left by a clock that ran ahead, hides from its reader what is new until then."""

    title = "Nobody has read what is yet to be written"
    remedy = "The mark is set to now."
    can_fix = True

    def rows(self):
        return ReadMark.objects.all()

    def wrong(self, rows):
        future = first_future_id()
        return rows.filter(Q(position__gte=future) | Q(line__gte=future) | Q(top__gte=future))

    def fix(self, key):
        self.rows().filter(pk=key).update(
            position=Least(F("position"), settled()), line=Least(F("line"), settled()), bottom=0, top=0
        )


@register
class PendingPosts(RowCheck):
    title = "Each post has reached the stored timelines"
    remedy = "The post is brought there, or no longer waits where no timelines are stored."
    can_fix = True

    def rows(self):
        return PendingPost.objects.all()

    def wrong(self, rows):
        return rows.filter(created_on__lt=timezone.now() - CARRIED_AFTER)

    def fix(self, key):
        pending = self.rows().filter(pk=key)
        if home_timeline().needs_redis:
            tasks.carry(pending)
        else:
            pending.delete()
