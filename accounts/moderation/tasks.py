"""Tasks of the moderation room."""

import logging

from django.db import transaction
from django.utils import timezone

from accounts.jobs.models import ClockReading
from accounts.jobs.registry import task
from accounts.models import User
from accounts.moderation import permissions
from accounts.moderation.decisions import other_moderators, why_not_answer
from accounts.moderation.models import Appeal, ModerationAction, Report
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
    _tell(lambda moderator: moderator.pk not in (report.reporter_id, report.person_id), report.pk)


@task("moderation.tell_moderators_of_appeal")
def tell_moderators_of_appeal(appeal_pk):
    """Notify the moderators who may answer a new appeal."""
    appeal = Appeal.objects.open().filter(pk=appeal_pk).select_related("action", "person").first()
    if appeal is not None:

        def may_answer(moderator):
            return not why_not_answer(moderator, appeal, other_moderators(moderator))

        _tell(may_answer, appeal.pk, actor=appeal.person)


def _tell(may_decide, subject, actor=None):
    """Notify the moderators for whom `may_decide(moderator)` is true, unless the actor has left."""
    staff = User.objects.visible().filter(is_staff=True)
    keys = list(staff.order_by("pk").values_list("pk", flat=True)[:MAX_MODERATORS])
    with transaction.atomic():
        people = list(User.objects.filter(pk__in=[*keys, actor and actor.pk]).in_locking_order())
        if actor and actor not in people:
            return
        # The job may run again after a crash.
        same = Notification.objects.filter(type="new_report", subject=subject, actor=actor)
        told = set(same.filter(recipient__in=keys).values_list("recipient", flat=True))
        for person in people:
            if person.pk not in told and permissions.may_moderate(person) and may_decide(person):
                digests.notify("new_report", person, subject=subject, actor=actor)


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
