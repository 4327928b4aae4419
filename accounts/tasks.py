"""Work that a worker does after the request: `manage.py worker`, which script/server runs."""

import logging
from datetime import datetime
from itertools import islice

from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from accounts import security, signals
from accounts.emails import kinds, plans
from accounts.emails.followers import FollowerMilestone, FollowerStatement, NewFollower
from accounts.jobs.registry import task
from accounts.models import Follow, Job, NameWord, ScanPosition, User

logger = logging.getLogger(__name__)

# As many digests as one job makes; after them the next job has its turn.
DIGESTS = 500
# As many people as one job counts the followers of, and as many as it locks at once.
RECOUNTED = 1_000
LOCKED = 100


@task("accounts.record_follow", formerly=["accounts.tasks.note_follow"])
def note_follow(follow_id, follower_id, followed_id, happened_on):
    """Have a new follower told of, and counted. A follow undone meanwhile counts in statements only.

    Nothing is done if either of them has left.
    """
    statement, new_follower, milestone = map(kinds.of, (FollowerStatement, NewFollower, FollowerMilestone))
    with transaction.atomic():
        if len(User.objects.lock(follower_id, followed_id)) < 2:
            return
        statement.note(followed_id, follower_id, 1, datetime.fromisoformat(happened_on))
        follow = Follow.objects.select_related("follower", "followed").filter(pk=follow_id).first()
        if follow:
            new_follower.note(follow)
            plans.plan(follow.followed, milestone)


@task("accounts.record_unfollow", formerly=["accounts.tasks.note_unfollow"])
def note_unfollow(follower_id, followed_id, happened_on):
    """Have a follower who went counted in statements, unless either of them has left."""
    with transaction.atomic():
        if len(User.objects.lock(follower_id, followed_id)) == 2:
            happened_on = datetime.fromisoformat(happened_on)
            kinds.of(FollowerStatement).note(followed_id, follower_id, -1, happened_on)


@task("emails.send_digests", formerly=["accounts.tasks.make_digests"])
def make_digests():
    """Make the mails of all plans that are due, daily and weekly ones and any whose own job was lost."""
    due = plans.due(timezone.now(), DIGESTS)
    for pk in due:
        plans.move_on(pk)
    if len(due) == DIGESTS:
        make_digests.enqueue()


@task("security.reconcile_accounts", formerly=["accounts.tasks.sweep_accounts"])
def sweep_accounts():
    """Tell people of changes to their account of which nobody told them, as the process that made them died."""
    security.sweep()


@task("accounts.recount_next", formerly=["accounts.tasks.recount_some"])
def recount_some():
    """Correct what is stored about the next members beside their follows and names: it cannot stay wrong.

    Whatever made it so: rows that were written by other means, or a counted person who was deleted.
    """
    keys = ScanPosition.next_keys("recount", User.objects, RECOUNTED)
    recount_now(keys)
    for some in in_parts(keys, LOCKED):
        with transaction.atomic():
            # Locked, so that nobody gets another name meanwhile.
            people = User.objects.filter(pk__in=some).only("username", "display_name").in_locking_order()
            NameWord.store(list(people))


@task("accounts.recount", formerly=["accounts.tasks.recount"])
def recount(user_pks):
    """Correct the counts of these people."""
    recount_now(user_pks)


@task("accounts.recount_around", formerly=["accounts.tasks.recount_around"])
def recount_around(user_pk):
    """Correct the counts of those whom that person follows, and of their followers."""
    recount_in_parts([user_pk, *Follow.objects.neighbours_of(user_pk)])


def recount_in_parts(user_pks):
    """Enqueue the recount of these people, in as many jobs as that takes."""
    for some in in_parts(user_pks, RECOUNTED):
        recount.enqueue(some)


def in_parts(keys, size):
    """Yield lists of at most `size` of `keys`, in order."""
    keys = iter(keys)
    while some := list(islice(keys, size)):
        yield some


def recount_now(user_pks):
    """Correct the counts of those of these people whose are wrong. Only these are locked, for as long as it takes to count."""
    people = User.objects.filter(pk__in=user_pks).miscounted().order_by("pk")
    for some in in_parts(list(people.values_list("pk", flat=True)), LOCKED):
        with transaction.atomic():
            locked = User.objects.filter(pk__in=some)
            list(locked.in_locking_order().values_list("pk"))
            locked.recount()


@task("accounts.prune", formerly=["accounts.tasks.prune"])
def prune():
    """Delete what has served its time."""
    try:
        call_command("prune", verbosity=0)
    except CommandError as error:
        logger.warning("%s", error)


@task("accounts.correct_future_times")
def correct_future_times():
    """Correct the times that were stored while a clock was ahead: what waits for them would wait for days.

    Jobs tell of it, as there are always new ones.
    """
    now = timezone.now()
    if Job.objects.from_the_future(now).exists():
        logger.warning("A clock was ahead. Times that it stored are corrected.")
        signals.clock_was_ahead.send(sender=Job, now=now)
        Job.objects.correct_future_times(now)
