"""Collected mails and digests: what happened is gathered, and told as soon as it may be, daily or weekly.

A plan says when the next one is due. It moves on in the transaction that enqueues the mail, so no two mails tell the
same, and nothing falls between two.
"""

from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.emails import kinds
from accounts.emails.kinds import MailKind, When
from accounts.emails.outbox import mail
from accounts.jobs.registry import task
from accounts.locale import zone_of
from accounts.models import Delivery, MailPlan, MailPreference, Milestone, OutboxHold, User

# When a day's mails are sent, in the recipient's zone; a week's on Mondays.
HOUR = time(7)
PERIODS = {When.DAILY: timedelta(days=1), When.WEEKLY: timedelta(days=7)}
# How long a plan waits whose kind this release does not know: another may be about to take its place.
UNKNOWN = timedelta(hours=1)
# No plan is due later than this: a day and a week, and an hour more if clocks change.
LONGEST_WAITS = {When.DAILY: timedelta(hours=26), When.WEEKLY: timedelta(days=7, hours=2)}
# An email that was made before cannot have been sent lately.
RECENT = timedelta(days=9)
# What a transaction under way has dated, but not committed yet, must not fall between two mails.
SETTLING = timedelta(minutes=1)


class CollectedKind(MailKind):
    """A kind of mail that tells what happened since the last one."""

    def earliest(self, recipient, plan, now):
        """The first moment from `now` on at which a mail that is wanted at once may be made."""
        return now

    def collect(self, recipient, since, until):
        """Enqueue the mail about what happened between the two moments, in the transaction that moves the plan on."""
        mail(self.name, recipient, until.isoformat(), since=since.isoformat(), until=until.isoformat())

    def discard(self, until):
        """Count as told what happened before `until`, beyond moving on the plans. Called in a transaction."""


def plan(recipient, kind):
    """Have the next mail of `kind` made as soon as it may be, unless one is planned. Call it in a transaction."""
    row = MailPlan.locked(recipient, kind)
    if row.due_on is None:
        _plan_for(row, kind, kind.earliest(recipient, row, timezone.now()))


def choose(user, kind, when):
    """Record that `user` wants mails of `kind` at once, daily, weekly or never, and plan the next.

    Returns whether anything changed: not if they have chosen the same before. Raises AccountGone if they have left.
    """
    with transaction.atomic():
        user.lock()
        preference, created = MailPreference.objects.select_for_update().get_or_create(
            user=user, kind=kind.name, defaults={"when": when}
        )
        if not created and preference.when == when:
            return False
        preference.when = when
        preference.save(update_fields=["when"])
        if isinstance(kind, CollectedKind):
            _plan_anew(user, kind, when)
    return True


def _plan_anew(user, kind, when):
    now = timezone.now()
    row = MailPlan.locked(user, kind)
    if row.due_on is None:
        row.told_until = now
    row.due_on = next_digest(user, when, now)
    row.save()
    if when == When.AT_ONCE:
        plan(user, kind)


@task("emails.send_digest", formerly=["accounts.emails.plans.collect", "accounts.plans.collect"])
def collect(row_pk):
    """Make the mail of a plan that is due."""
    move_on(row_pk)


def move_on(row_pk):
    """Make the mail of a plan that is due and plan the next. Does nothing if another has done so.

    While the outbox is held the plan stays due, and is made after that with all others that are due.
    """
    if OutboxHold.is_on():
        return
    with transaction.atomic():
        plans = MailPlan.objects.filter(pk=row_pk)
        recipient = User.objects.filter(pk__in=plans.values("recipient")).in_locking_order().first()
        row = plans.select_for_update().first()
        now = timezone.now()
        if recipient is None or row is None or row.due_on is None or row.due_on > now:
            return
        row.recipient = recipient
        kind = kinds.get(row.kind)
        if not isinstance(kind, CollectedKind):
            row.due_on = now + UNKNOWN
            row.save(update_fields=["due_on"])
            return
        when = MailPreference.of(row.recipient, kind)
        earliest = kind.earliest(row.recipient, row, now) if when not in PERIODS else now
        if earliest > now:
            _plan_for(row, kind, earliest)
            return
        until = now - SETTLING
        kind.collect(row.recipient, row.told_until, until)
        row.told_until = max(until, row.told_until)
        row.due_on = next_digest(row.recipient, when, now)
        row.save()


def due(now, limit):
    """The primary keys of at most `limit` plans that are due, the longest first; none while the outbox is held."""
    if OutboxHold.is_on():
        return []
    rows = MailPlan.objects.filter(due_on__lte=now).order_by("due_on")
    return list(rows.values_list("pk", flat=True)[:limit])


def next_digest(recipient, when, now):
    """When the next daily or weekly mail is due after `now`, in UTC, or None for other choices."""
    if when not in PERIODS:
        return None
    zone = zone_of(recipient)
    today = timezone.localtime(now, zone).date()
    day = today if when == When.DAILY else today - timedelta(days=today.weekday())
    # Compared in UTC: a day of a clock change has 23 or 25 hours.
    due = datetime.combine(day, HOUR, zone).astimezone(UTC)
    return due if due > now else datetime.combine(day + PERIODS[when], HOUR, zone).astimezone(UTC)


def correct_future_times(now):
    """Correct plans that were made, and emails that were sent, while a clock was ahead. What is due too late is due now."""
    soon = now + SETTLING
    weekly = MailPreference.objects.filter(
        user=OuterRef("recipient"), kind=OuterRef("kind"), when=When.WEEKLY
    )
    too_late = (
        Q(told_until__gt=soon)
        | Q(due_on__gt=now + LONGEST_WAITS[When.WEEKLY])
        | Q(~Exists(weekly), due_on__gt=now + LONGEST_WAITS[When.DAILY])
    )
    MailPlan.objects.filter(too_late, due_on__isnull=False).update(due_on=now)
    MailPlan.objects.filter(told_until__gt=soon).update(told_until=now)
    # The next email waits for an hour or a day after the last one.
    Milestone.objects.filter(reached_on__gt=soon).update(reached_on=now)
    recent = Delivery.objects.filter(created_on__gt=now - RECENT)
    recent.filter(created_on__gt=soon).update(created_on=now)
    recent.filter(sent_on__gt=soon).update(sent_on=now)


def _plan_for(row, kind, moment):
    row.due_on = moment
    row.save(update_fields=["due_on"])
    collect.using(run_after=moment).enqueue(row.pk)
