"""Holding back what a restored database still has to send, until an operator says whether it was sent before.

Emails that are waiting are set aside, with their jobs. Nothing collected is made while the hold is on: digests, summaries of
followers, and what the security sweep finds. Emails that members cause after the restore are sent as always.
"""

from django.db import models, transaction
from django.utils import timezone
from django_tasks import TaskResultStatus

from accounts.emails import kinds
from accounts.emails.plans import CollectedKind
from accounts.jobs import registry
from accounts.models import Delivery, Job, MailPlan, OutboxHold, ToldState, User
from accounts.models.job import HELD

# As many accounts are compared at once with what their owners were told.
AT_ONCE = 1_000
DISCARDED = "Discarded after a restore."
UNFINISHED = (TaskResultStatus.READY, TaskResultStatus.RUNNING)


# The jobs that hand an email to the mail server have names that begin so, and these record what a later email will tell.
SENDING = ("emails.deliver",)
COLLECTING = ("accounts.record_follow", "accounts.record_unfollow")


def jobs_of(prefixes):
    """Return the unfinished jobs of tasks whose names begin with one of `prefixes`, stored by whichever release."""
    former = [old for old, name in registry.former_names().items() if name and name.startswith(prefixes)]
    today = [models.Q(task_path__startswith=prefix) for prefix in prefixes]
    condition = models.Q(*today, task_path__in=former, _connector=models.Q.OR)
    return Job.objects.filter(condition, status__in=UNFINISHED)


def hold_outbox():
    """Set aside every email that waits, and keep collected ones from being made. Harmless to repeat."""
    with transaction.atomic():
        OutboxHold.objects.update_or_create(pk=OutboxHold.ONLY, defaults={"since": timezone.now()})
        Delivery.objects.filter(state=Delivery.State.WAITING).update(state=Delivery.State.HELD)
        jobs_of(SENDING).update(status=TaskResultStatus.READY, run_after=HELD)


def held_emails():
    """Return the emails that were set aside."""
    return Delivery.objects.filter(state=Delivery.State.HELD)


def send_held():
    """Send the emails that were set aside, and let collected ones be made again. Returns how many were set aside."""
    with transaction.atomic():
        held = held_emails().update(state=Delivery.State.WAITING)
        Job.objects.held().update(run_after=timezone.now())
        OutboxHold.objects.all().delete()
    return held


def discard_held():
    """Count as sent whatever the restored database still had to send. Returns how many emails were set aside.

    What happened after the restore is still sent.
    """
    with transaction.atomic():
        hold = OutboxHold.objects.select_for_update().filter(pk=OutboxHold.ONLY).first()
        if hold is None:
            return 0
        held = held_emails().update(state=Delivery.State.SKIPPED, answer=DISCARDED)
        Job.objects.held().delete()
        jobs_of(COLLECTING).filter(enqueued_at__lt=hold.since).delete()
        for kind in kinds.all_kinds():
            if isinstance(kind, CollectedKind):
                kind.discard(hold.since)
        MailPlan.objects.filter(told_until__lt=hold.since).update(told_until=hold.since)
        _take_accounts_as_told(hold.since)
        hold.delete()
    return held


def _take_accounts_as_told(since):
    """Tell nobody of changes to their account that the backup has and they were not told of."""
    keys = User.objects.order_by("pk").values_list("pk", flat=True)
    last = 0
    while some := list(keys.filter(pk__gt=last)[:AT_ONCE]):
        last = some[-1]
        # What was changed since the restore is marked, and is told by the next sweep.
        newer = set(ToldState.objects.filter(pk__in=some, due_on__gte=since).values_list("pk", flat=True))
        ToldState.take_as_told(ToldState.different(some) - newer)
