"""Audit checks of posts, reports, read markers and stored timelines. See accounts/common/auditing.py."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Least
from django.utils import timezone

from accounts.common.auditing import RowCheck, register
from accounts.moderation.models import Report
from posts import paths
from posts.ids import MAX_ID, first_id_at, settled
from posts.models import Post
from posts.reading.models import ReadMarker
from posts.timelines.redis import tasks
from posts.timelines.redis.models import PendingPost

# The maximum difference between the clocks of two machines.
CLOCK_TOLERANCE = timedelta(minutes=1)
# The fan-out of a post takes seconds. If it hasn't finished after this time, it has failed.
FAN_OUT_TIMEOUT = timedelta(hours=1)
# What the place of a reply depends on, besides the id.
PLACE = ("author", "thread", "path")


def first_future_id():
    """Return the lowest id that no post can have yet."""
    return first_id_at(timezone.now() + CLOCK_TOLERANCE)


@register
class PostIds(RowCheck):
    title = "No post is from the future"
    remedy = "Set the clock of each machine. Until then, these posts are listed above new ones, unless they are deleted."
    batch = 10_000

    def rows(self):
        return Post.objects.all()

    def wrong(self, rows):
        return rows.filter(Q(id__lt=1) | Q(id__gte=min(first_future_id(), MAX_ID)))


@register
class Replies(RowCheck):
    """Finds replies that conversations or home timelines don't show where they belong."""

    title = "Every reply is below the post that it replies to"
    remedy = "Put it there, or below the first post if that one was deleted. Then run this again, for the replies below it."
    can_fix = True

    def rows(self):
        return Post.objects.filter(thread__isnull=False)

    def wrong_keys(self, rows):
        above = [f"in_reply_to__{name}" for name in PLACE]
        replies = rows.select_related("in_reply_to").only("in_reply_to", "in_reply_to_author", *PLACE, *above)
        return [reply.pk for reply in replies if not self.is_in_place(reply)]

    def is_in_place(self, reply):
        path = bytes(reply.path)
        if reply.in_reply_to is None:
            return paths.ids_in(path)[-1:] == [reply.pk]
        place = {"in_reply_to_author": reply.in_reply_to_author_id, "thread": reply.thread, "path": path}
        return place == self.place_of(reply)

    def place_of(self, reply):
        """Return a dict of the fields that put `reply` where it belongs."""
        above = reply.in_reply_to
        if above is None:
            return {"path": paths.path_below(b"", reply.pk)}
        path = paths.path_below(bytes(above.path or b""), reply.pk)
        return {"in_reply_to_author": above.author_id, "thread": above.conversation, "path": path}

    def fix_row(self, row):
        self.rows().filter(pk=row.pk).update(**self.place_of(row))


@register
class OpenReports(RowCheck):
    title = "No hidden post has open reports"
    remedy = "Close the reports."
    can_fix = True

    def rows(self):
        return Report.objects.open().filter(subject_type="post")

    def wrong(self, rows):
        hidden = Post.objects.filter(pk=OuterRef("subject_id"), hidden_on__isnull=False)
        return rows.filter(Exists(hidden))

    def fix(self, key):
        with transaction.atomic():
            self.rows().filter(pk=key).close()


@register
class ReadMarkers(RowCheck):
    """Finds markers in the future, stored while a clock was ahead. Until that time, the reader isn't notified of new posts."""

    title = "No read marker is in the future"
    remedy = "Set the marker to the present."
    can_fix = True

    def rows(self):
        return ReadMarker.objects.all()

    def wrong(self, rows):
        future = first_future_id()
        return rows.filter(Q(position__gte=future) | Q(divider__gte=future) | Q(ahead_high__gte=future))

    def fix(self, key):
        self.rows().filter(pk=key).update(
            position=Least(F("position"), settled()),
            divider=Least(F("divider"), settled()),
            ahead_low=0,
            ahead_high=0,
        )


@register
class PendingPosts(RowCheck):
    title = "Every post has reached the stored timelines"
    remedy = "Fan out the post, or delete the row if timelines aren't stored."
    can_fix = True

    def rows(self):
        return PendingPost.objects.all()

    def wrong(self, rows):
        return rows.filter(created_on__lt=timezone.now() - FAN_OUT_TIMEOUT)

    def fix(self, key):
        tasks.fan_out(self.rows().filter(pk=key))
