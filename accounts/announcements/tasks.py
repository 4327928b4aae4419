"""Notifies members of announcements. With many members this takes many rows, so jobs write them in batches."""

from django.db import transaction
from django.utils import timezone

from accounts.announcements.models import Announcement
from accounts.jobs.registry import task
from accounts.models import User
from accounts.notifications import digests

# The name of the type of these notifications.
ANNOUNCEMENT = "announcement"
# How many members one job notifies.
BATCH = 500


def publish(announcement, by=None):
    """Store an announcement, new or changed, and notify the members when it starts."""
    is_new = announcement._state.adding
    with transaction.atomic():
        if is_new:
            announcement.created_by = by
            # Members have read everything that starts before what they dismissed.
            announcement.starts_on = max(announcement.starts_on, timezone.now())
        had_started = not is_new and Announcement.objects.started().filter(pk=announcement.pk).exists()
        announcement.save()
        if not had_started:
            notify_members.using(run_after=announcement.starts_on).enqueue(announcement.pk)


@task("announcements.notify_members")
def notify_members(announcement_pk, after=0):
    """Notify the next members, those with primary keys above `after`, and enqueue the job for those that follow.

    Members who have the notification don't get another one, so a job can run twice.
    """
    announcement = Announcement.objects.filter(pk=announcement_pk).first()
    # If it was postponed, another job waits for the new time.
    if announcement is None or not announcement.has_started:
        return
    members = User.objects.visible().filter(pk__gt=after, date_joined__lte=announcement.starts_on)
    with transaction.atomic():
        keys = list(members.order_by("pk").values_list("pk", flat=True)[:BATCH])
        people = User.objects.filter(pk__in=keys).in_locking_order()
        digests.notify_all(
            ANNOUNCEMENT, list(people), subject=announcement.pk, created_on=announcement.starts_on
        )
        if len(keys) == BATCH:
            notify_members.enqueue(announcement.pk, keys[-1])
