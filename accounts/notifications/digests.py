"""Schedules digests: emails about what happened since the last one, sent at once, daily or weekly.

A DigestSchedule says when the next one is due. `advance()` creates the email in the transaction that updates the schedule, so
each event is covered by exactly one email.
"""

from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.common.locale import zone_of
from accounts.emails import outbox
from accounts.emails.models import Delivery, OutboxHold
from accounts.jobs.registry import task
from accounts.models import User
from accounts.notifications import types
from accounts.notifications.models import DigestSchedule, Notification, NotificationPreference
from accounts.notifications.types import Digest, Frequency, NotificationType

# For emails sent at once, of one type to one member: the minimum time between two, and the maximum number in any 24 hours.
MIN_INTERVAL = timedelta(hours=1)
MAX_PER_DAY = 5
DAY = timedelta(days=1)
# An email that has waited longer than this for the mail server no longer delays the next one.
LONGEST_DELIVERY = timedelta(days=8)
# When daily and weekly digests are due, in the recipient's time zone. Weekly ones are due on Mondays.
DUE_TIME = time(7)
PERIODS = {Frequency.DAILY: timedelta(days=1), Frequency.WEEKLY: timedelta(days=7)}
# A transaction that is still open may contain events up to this old. They belong to the next digest.
SETTLING = timedelta(minutes=1)
# How long a schedule waits if its type doesn't exist in this release. It may exist in a newer one.
UNKNOWN_DELAY = timedelta(hours=1)
# The maximum time until a digest is due: its period, plus an hour or two for clock changes.
LONGEST_WAITS = {Frequency.DAILY: timedelta(hours=26), Frequency.WEEKLY: timedelta(days=7, hours=2)}
# Deliveries older than this can't have been sent within the last day.
RECENT = timedelta(days=9)
# Notifications within a span of this length are shown together.
GROUP_SPAN = timedelta(hours=12)
# How many digests one job creates.
BATCH = 500


def notify(type_name, recipient, *, actor=None, subject=None, group=None, created_on=None):
    """Write a Notification to `recipient`, and schedule the email about it.

    Call it in the transaction of the event, which has locked the recipient (`User.objects.lock()`). `advance()` also locks the
    recipient, so this notification is included either in the current email or in the next one. `subject` is an id whose meaning
    depends on the type. `group` replaces the type's `group(subject)`.
    """
    digest = types.get(type_name)
    created_on = created_on or timezone.now()
    group = digest.group(subject) if group is None else group
    frequency = digest.frequency_for(recipient)
    if frequency == Frequency.NEVER:
        emailed_in = Notification.NOT_WANTED
    else:
        emailed_in = digest.earlier_email(recipient, actor, subject)
    notification = Notification.objects.create(
        recipient=recipient,
        type=type_name,
        actor=actor,
        subject=subject,
        group_key=group_key(type_name, group, created_on),
        created_on=created_on,
        emailed_in=emailed_in,
    )
    Notification.objects.trim_group(recipient, notification.group_key)
    if frequency == Frequency.AT_ONCE and not emailed_in:
        _request(recipient, digest)


def notify_all(type_name, people, *, subject, created_on):
    """Write the same Notification to each of `people`, a list, unless they have it. Call it with all of them locked.

    This is for types that aren't emailed at once.
    """
    digest = types.get(type_name)
    key = group_key(type_name, digest.group(subject), created_on)
    notified = Notification.objects.filter(recipient__in=people, group_key=key)
    notified = set(notified.values_list("recipient", flat=True))
    chosen = NotificationPreference.objects.filter(user__in=people, type=type_name)
    chosen = dict(chosen.values_list("user", "frequency"))
    Notification.objects.bulk_create(
        Notification(
            recipient=person,
            type=type_name,
            subject=subject,
            group_key=key,
            created_on=created_on,
            emailed_in="" if chosen.get(person.pk, digest.default) in PERIODS else Notification.NOT_WANTED,
        )
        for person in people
        if person.pk not in notified
    )


def group_key(type_name, group, created_on):
    """Return the `group_key` of notifications of that type and group that were created within the same GROUP_SPAN."""
    return f"{type_name}:{group}:{int(created_on.timestamp() // GROUP_SPAN.total_seconds())}"


def choose_on_site(user, digest, on_site):
    """Store whether `user` wants to see `digest`, a NotificationType, on the site. Raises AccountGone if they have left."""
    with transaction.atomic():
        user.lock()
        NotificationPreference.objects.update_or_create(
            user=user, type=digest.name, defaults={"on_site": on_site}
        )


def choose(user, digest, frequency):
    """Store how often `user` wants `digest`, and schedule the next one.

    Returns whether the choice is different from before. Raises AccountGone if they have left.
    """
    with transaction.atomic():
        user.lock()
        preference, created = NotificationPreference.objects.select_for_update().get_or_create(
            user=user, type=digest.name, defaults={"frequency": frequency}
        )
        if not created and preference.frequency == frequency:
            return False
        preference.frequency = frequency
        preference.save(update_fields=["frequency"])
        _reschedule(user, digest, frequency)
    return True


@task("emails.send_digest", formerly=["accounts.emails.plans.collect", "accounts.plans.collect"])
def send_digest(schedule_pk):
    """Create the email of a schedule that is due."""
    advance(schedule_pk)


@task("emails.send_digests", formerly=["accounts.tasks.make_digests"])
def send_digests():
    """Create the emails of all schedules that are due: daily and weekly ones, and those whose own job was lost."""
    due = due_schedules(timezone.now(), BATCH)
    for pk in due:
        advance(pk)
    if len(due) == BATCH:
        send_digests.enqueue()


def advance(schedule_pk):
    """Enqueue the email of a schedule that is due, and schedule the next one. Does nothing if it isn't due any more.

    While the outbox is on hold, the schedule stays due.
    """
    if OutboxHold.is_on():
        return
    with transaction.atomic():
        schedules = DigestSchedule.objects.filter(pk=schedule_pk)
        recipient = User.objects.filter(pk__in=schedules.values("recipient")).in_locking_order().first()
        schedule = schedules.select_for_update().first()
        now = timezone.now()
        if recipient is None or schedule is None or schedule.due_on is None or schedule.due_on > now:
            return
        digest = types.get(schedule.type)
        if not isinstance(digest, Digest):
            schedule.due_on = now + UNKNOWN_DELAY
            schedule.save(update_fields=["due_on"])
            return
        frequency = digest.frequency_for(recipient)
        paced = digest.is_paced and frequency not in PERIODS
        earliest = earliest_at_once(recipient, digest, now) if paced else now
        if earliest > now:
            _schedule_at_once(schedule, earliest)
            return
        until = now - SETTLING
        rest_due_on = _enqueue_email(recipient, digest, schedule.covered_until, until)
        schedule.covered_until = max(until, schedule.covered_until)
        schedule.due_on = next_due(recipient, frequency, now)
        schedule.save()
        if rest_due_on and frequency == Frequency.AT_ONCE:
            _schedule_at_once(schedule, rest_due_on)


def _enqueue_email(recipient, digest, since, until):
    """Enqueue the email about the waiting notifications, or about a span of time if `digest` has no notifications.

    Returns when the notifications that must wait longer are due, or None if there are none.
    """
    if not isinstance(digest, NotificationType):
        key = until.isoformat()
        outbox.enqueue(digest.name, recipient, key, since=since.isoformat(), until=key)
        return None
    now = timezone.now()
    key = now.isoformat()
    waiting = Notification.objects.waiting().filter(recipient=recipient, type=digest.name)
    included, recent = waiting, waiting.none()
    if digest.delay:
        # A clock that was ahead stored what is further in the future, and that doesn't wait.
        too_recent = Q(created_on__gt=now - digest.delay, created_on__lte=now + SETTLING)
        included, recent = waiting.exclude(too_recent), waiting.filter(too_recent)
    if included.update(emailed_in=key):
        outbox.enqueue(digest.name, recipient, key, emailed_in=key)
    first = recent.order_by("created_on").values_list("created_on", flat=True).first()
    return first and first + digest.delay


def due_schedules(now, limit):
    """Return the primary keys of at most `limit` due schedules, longest overdue first. During a hold there are none."""
    if OutboxHold.is_on():
        return []
    rows = DigestSchedule.objects.filter(due_on__lte=now).order_by("due_on")
    return list(rows.values_list("pk", flat=True)[:limit])


def earliest_at_once(recipient, digest, now):
    """Return the earliest time, from `now` on, at which `digest` may be sent to `recipient` at once."""
    deliveries = Delivery.objects.filter(recipient=recipient, type=digest.name)
    # An email that waits for the mail server may arrive at any time, so it counts as sent now.
    waiting = deliveries.filter(state=Delivery.State.WAITING, created_on__gt=now - LONGEST_DELIVERY).count()
    sent = deliveries.filter(state=Delivery.State.SENT, sent_on__gt=now - DAY).order_by("-sent_on")
    times = [now] * waiting + list(sent.values_list("sent_on", flat=True))
    earliest = now
    if times:
        earliest = max(earliest, times[0] + MIN_INTERVAL)
    if len(times) >= MAX_PER_DAY:
        earliest = max(earliest, times[MAX_PER_DAY - 1] + DAY)
    return earliest


def earlier_email(digest, recipient, notifications):
    """Return the key of an email that includes one of `notifications` and is about to be sent, or REPEATED if one was sent
    within a day. Otherwise, return an empty string.
    """
    is_recent = Q(state=Delivery.State.SENT, sent_on__gt=timezone.now() - DAY)
    is_waiting = Q(state=Delivery.State.WAITING)
    emails = Delivery.objects.filter(
        is_recent | is_waiting,
        recipient=recipient,
        type=digest.name,
        key__in=notifications.values("emailed_in"),
    )
    states = dict(emails.values_list("state", "key"))
    return states.get(Delivery.State.WAITING) or (Notification.REPEATED if states else "")


def next_due(recipient, frequency, now):
    """Return when the next daily or weekly digest is due after `now`, in UTC, or None for other frequencies."""
    if frequency not in PERIODS:
        return None
    zone = zone_of(recipient)
    today = timezone.localtime(now, zone).date()
    day = today if frequency == Frequency.DAILY else today - timedelta(days=today.weekday())
    # The times are compared in UTC, because a day on which clocks change has 23 or 25 hours.
    due = datetime.combine(day, DUE_TIME, zone).astimezone(UTC)
    return due if due > now else datetime.combine(day + PERIODS[frequency], DUE_TIME, zone).astimezone(UTC)


def discard(since):
    """Treat what happened before `since` as emailed. Call it in a transaction."""
    Notification.objects.waiting().filter(created_on__lt=since).update(emailed_in=Notification.DISCARDED)
    DigestSchedule.objects.filter(covered_until__lt=since).update(covered_until=since)


def correct_future_times(sender, now, **kwargs):
    """Correct times that were stored while a clock was ahead. A digest that would be due too late is due now."""
    soon = now + SETTLING
    weekly = NotificationPreference.objects.filter(
        user=OuterRef("recipient"), type=OuterRef("type"), frequency=Frequency.WEEKLY
    )
    too_late = (
        Q(covered_until__gt=soon)
        | Q(due_on__gt=now + LONGEST_WAITS[Frequency.WEEKLY])
        | Q(~Exists(weekly), due_on__gt=now + LONGEST_WAITS[Frequency.DAILY])
    )
    DigestSchedule.objects.filter(too_late, due_on__isnull=False).update(due_on=now)
    DigestSchedule.objects.filter(covered_until__gt=soon).update(covered_until=now)
    # After these emails, the next immediate one waits for an hour or a day.
    recent = Delivery.objects.filter(created_on__gt=now - RECENT)
    recent.filter(created_on__gt=soon).update(created_on=now)
    recent.filter(sent_on__gt=soon).update(sent_on=now)


def _request(recipient, digest):
    """Schedule an immediate email of `digest`, unless one is already scheduled."""
    schedule = DigestSchedule.locked(recipient, digest)
    if schedule.due_on is None:
        delay = digest.delay if isinstance(digest, NotificationType) else timedelta(0)
        _schedule_at_once(schedule, timezone.now() + delay)


def _schedule_at_once(schedule, due_on):
    schedule.due_on = due_on
    schedule.save(update_fields=["due_on"])
    is_due = due_on <= timezone.now()
    send_digest.using(run_after=None if is_due else due_on).enqueue(schedule.pk)


def _reschedule(user, digest, frequency):
    now = timezone.now()
    schedule = DigestSchedule.locked(user, digest)
    if schedule.due_on is None:
        schedule.covered_until = now
    schedule.due_on = next_due(user, frequency, now)
    schedule.save()
    if frequency == Frequency.AT_ONCE:
        _request(user, digest)
    elif frequency == Frequency.NEVER:
        waiting = Notification.objects.waiting().filter(recipient=user, type=digest.name)
        waiting.update(emailed_in=Notification.NOT_WANTED)
