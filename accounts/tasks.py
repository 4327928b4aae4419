"""Tasks about people, which the worker runs."""

import logging
from itertools import islice

from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from accounts import signals
from accounts.common.models import ScanPosition
from accounts.jobs.models import Job
from accounts.jobs.registry import task
from accounts.models import Follow, Mute, NameWord, User

logger = logging.getLogger(__name__)

# How many people one job recounts, and how many of them it locks at once.
RECOUNTED = 1_000
LOCKED = 100
# How many mutes one job ends.
ENDED = 1_000


@task("accounts.recount_next", formerly=["accounts.tasks.recount_some"])
def recount_some():
    """Correct the stored counts and name words of the next members, so that errors don't persist.

    They can be wrong if rows were written without the models' methods, or if a counted person was deleted.
    """
    keys = ScanPosition.next_keys("recount", User.objects, RECOUNTED)
    recount_now(keys)
    for part in in_parts(keys, LOCKED):
        with transaction.atomic():
            # The lock prevents people from changing their names while this runs.
            people = User.objects.filter(pk__in=part).only("username", "display_name").in_locking_order()
            NameWord.store(list(people))


@task("accounts.recount", formerly=["accounts.tasks.recount"])
def recount(user_pks):
    """Correct the stored counts of these people."""
    recount_now(user_pks)


@task("accounts.recount_around", formerly=["accounts.tasks.recount_around"])
def recount_around(user_pk):
    """Correct the stored counts of that person, their followers and the people they follow."""
    recount_in_parts([user_pk, *Follow.objects.neighbours_of(user_pk)])


def recount_in_parts(user_pks):
    """Enqueue as many jobs as are needed to recount these people."""
    for part in in_parts(user_pks, RECOUNTED):
        recount.enqueue(part)


def in_parts(keys, size):
    """Yield `keys`, in order, as lists of at most `size`."""
    keys = iter(keys)
    while part := list(islice(keys, size)):
        yield part


def recount_now(user_pks):
    """Correct the stored counts of these people. Locks only those whose counts are wrong, while it recounts them."""
    people = User.objects.filter(pk__in=user_pks).miscounted().order_by("pk")
    for part in in_parts(list(people.values_list("pk", flat=True)), LOCKED):
        with transaction.atomic():
            locked = User.objects.filter(pk__in=part)
            list(locked.in_locking_order().values_list("pk"))
            locked.recount()


@task("accounts.end_mutes")
def end_mutes():
    """Delete the mutes whose time is over."""
    ended = Mute.objects.ended(timezone.now()).order_by("until")
    keys = list(ended.values_list("pk", flat=True)[:ENDED])
    # A member may have muted the person again in the meantime.
    ended.order_by().filter(pk__in=keys).delete()
    if len(keys) == ENDED:
        end_mutes.enqueue()


@task("accounts.prune", formerly=["accounts.tasks.prune"])
def prune():
    """Delete expired rows and files: see `manage.py prune`."""
    try:
        call_command("prune", verbosity=0)
    except CommandError as error:
        logger.warning("%s", error)


@task("accounts.correct_future_times")
def correct_future_times():
    """Correct times that were stored while a clock was ahead, so that they don't cause delays of several days.

    Jobs show whether this has happened, because new ones are stored all the time.
    """
    now = timezone.now()
    if Job.objects.from_the_future(now).exists():
        logger.warning("A clock was ahead. Correcting the times that it stored.")
        signals.clock_was_ahead.send(sender=Job, now=now)
        Job.objects.correct_future_times(now)
