"""Tasks of the moderation room."""

import logging

from django.db import transaction
from django.utils import timezone

from accounts.jobs.models import ClockReading
from accounts.jobs.registry import task
from accounts.models import User
from accounts.moderation import permissions
from accounts.moderation.models import ModerationAction, Report
from accounts.notifications import digests
from accounts.notifications.models import Notification

logger = logging.getLogger(__name__)

# How many suspensions one job ends, and how many reporters it tells.
BATCH = 100
# More moderators than any site has.
MAX_MODERATORS = 1_000


@task("moderation.end_suspensions")
def end_suspensions():
    """Reinstate the people whose suspension has ended, unless the clock may be ahead, because they stay reinstated."""
    now = timezone.now()
    people = list(User.objects.suspended_until(now).order_by("suspended_until")[:BATCH])
    if people and not ClockReading.trusts(now):
        logger.warning("No suspension was ended, because the clock has jumped ahead to %s", now)
        return
    for person in people:
        person.end_suspension()
    if len(people) == BATCH:
        end_suspensions.enqueue()


@task("moderation.tell_moderators")
def tell_moderators(report_pk):
    """Notify the moderators of a new report, except those whom it concerns."""
    report = Report.objects.open().filter(pk=report_pk).first()
    if report is None:
        return
    staff = (
        User.objects.visible().filter(is_staff=True).exclude(pk__in=[report.reporter_id, report.person_id])
    )
    keys = list(staff.order_by("pk").values_list("pk", flat=True)[:MAX_MODERATORS])
    with transaction.atomic():
        moderators = list(User.objects.filter(pk__in=keys).in_locking_order())
        # The job may run again after a crash.
        told = Notification.objects.filter(recipient__in=keys, type="new_report", subject=report.pk)
        told = set(told.values_list("recipient", flat=True))
        for moderator in moderators:
            if moderator.pk not in told and permissions.may_moderate(moderator):
                digests.notify("new_report", moderator, subject=report.pk)


@task("moderation.tell_reporters")
def tell_reporters(action_pk, after=0):
    """Tell those whose reports an action closed what it was, unless it was undone."""
    action = ModerationAction.objects.filter(pk=action_pk, undone_by=None).first()
    if action is None:
        return
    reports = list(Report.objects.filter(closed_by=action, pk__gt=after).order_by("pk")[:BATCH])
    for report in reports:
        with transaction.atomic():
            if report.reporter_id not in User.objects.lock(report.reporter_id):
                continue
            told = Notification.objects.filter(
                recipient=report.reporter_id, type="report_outcome", subject=action.pk
            )
            if not told.exists():
                digests.notify("report_outcome", report.reporter, subject=action.pk)
    if len(reports) == BATCH:
        tell_reporters.enqueue(action_pk, reports[-1].pk)


def correct_future_times(sender, now, **kwargs):
    """Correct suspensions that were stored while a clock was ahead, so that they don't last longer than intended."""
    for person in list(User.objects.suspended().filter(suspended_on__gt=now)[:BATCH]):
        with transaction.atomic():
            stored = User.objects.filter(pk=person.pk, suspended_on=person.suspended_on).in_locking_order()
            for row in stored:
                until = row.suspended_until and now + (row.suspended_until - row.suspended_on)
                User.objects.filter(pk=row.pk).update(suspended_on=now, suspended_until=until)
