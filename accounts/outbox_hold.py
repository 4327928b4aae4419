"""Holds the emails that a restored database would send, until an operator decides whether to send them.

Waiting emails and their jobs are put on hold. During a hold, no digests are created, and the periodic security check sends
nothing. Emails that members cause after the restore are sent as usual.
"""

from django.db import models, transaction
from django.utils import timezone
from django_tasks import TaskResultStatus

from accounts.emails.models import Delivery, OutboxHold
from accounts.jobs import registry
from accounts.jobs.models import HELD, Job
from accounts.models import User
from accounts.notifications import digests
from accounts.security.models import AccountSnapshot

# How many accounts are compared with their snapshots at once.
AT_ONCE = 1_000
DISCARDED = "Discarded after a restore."
UNFINISHED = (TaskResultStatus.READY, TaskResultStatus.RUNNING)
# The names of tasks that send an email begin with this.
SENDING = ("emails.deliver",)
# Jobs of older releases that would store notifications.
RECORDING = ("accounts.record_follow", "accounts.record_unfollow")


def jobs_of(prefixes):
    """Return the unfinished jobs of tasks whose names begin with one of `prefixes`, including those from older releases."""
    former = [old for old, name in registry.former_names().items() if name and name.startswith(prefixes)]
    current = [models.Q(task_path__startswith=prefix) for prefix in prefixes]
    condition = models.Q(*current, task_path__in=former, _connector=models.Q.OR)
    return Job.objects.filter(condition, status__in=UNFINISHED)


def hold_outbox():
    """Put all waiting emails on hold, and stop digests. It is safe to call this again."""
    with transaction.atomic():
        OutboxHold.objects.update_or_create(pk=OutboxHold.ONLY, defaults={"since": timezone.now()})
        Delivery.objects.filter(state=Delivery.State.WAITING).update(state=Delivery.State.HELD)
        jobs_of(SENDING).update(status=TaskResultStatus.READY, run_after=HELD)


def held_emails():
    """Return the emails that are on hold."""
    return Delivery.objects.filter(state=Delivery.State.HELD)


def send_held():
    """Release the emails that are on hold, and allow digests. Returns the number of emails."""
    with transaction.atomic():
        held = held_emails().update(state=Delivery.State.WAITING)
        Job.objects.held().update(run_after=timezone.now())
        OutboxHold.objects.all().delete()
    return held


def discard_held():
    """Treat everything from before the restore as sent. Returns the number of emails that were on hold.

    Emails and digests about what happened since are still sent.
    """
    with transaction.atomic():
        hold = OutboxHold.objects.select_for_update().filter(pk=OutboxHold.ONLY).first()
        if hold is None:
            return 0
        held = held_emails().update(state=Delivery.State.SKIPPED, answer=DISCARDED)
        Job.objects.held().delete()
        jobs_of(RECORDING).filter(enqueued_at__lt=hold.since).delete()
        digests.discard(hold.since)
        _accept_account_changes(hold.since)
        hold.delete()
    return held


def _accept_account_changes(since):
    """Accept account changes from before the restore without notifying their owners."""
    keys = User.objects.order_by("pk").values_list("pk", flat=True)
    last = 0
    while some := list(keys.filter(pk__gt=last)[:AT_ONCE]):
        last = some[-1]
        # Accounts that changed after the restore are marked, and the next run of `reconcile` notifies their owners.
        newer = set(
            AccountSnapshot.objects.filter(pk__in=some, marked_on__gte=since).values_list("pk", flat=True)
        )
        AccountSnapshot.accept_changes(AccountSnapshot.outdated(some) - newer)
