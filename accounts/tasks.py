"""Work that a worker does after the request: `manage.py worker`, which script/server runs."""

from datetime import datetime

from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from accounts import security
from accounts.emails import kinds, plans
from accounts.emails.followers import FollowerMilestone, FollowerStatement, NewFollower
from accounts.models import Follow

# As many digests as one job makes; after them the next job has its turn.
DIGESTS = 500


@task()
def note_follow(follow_id, follower_id, followed_id, happened_on):
    """Have a new follower told of, and counted. A follow undone meanwhile counts in statements only."""
    statement, new_follower, milestone = map(kinds.of, (FollowerStatement, NewFollower, FollowerMilestone))
    with transaction.atomic():
        statement.note(followed_id, follower_id, 1, datetime.fromisoformat(happened_on))
        follow = Follow.objects.select_related("follower", "followed").filter(pk=follow_id).first()
        if follow:
            new_follower.note(follow)
            plans.plan(follow.followed, milestone)


@task()
def note_unfollow(follower_id, followed_id, happened_on):
    """Have a follower who went counted in statements."""
    kinds.of(FollowerStatement).note(followed_id, follower_id, -1, datetime.fromisoformat(happened_on))


@task()
def make_digests():
    """Make the mails of all plans that are due, daily and weekly ones and any whose own job was lost."""
    due = plans.due(timezone.now(), DIGESTS)
    for pk in due:
        plans.move_on(pk)
    if len(due) == DIGESTS:
        make_digests.enqueue()


@task()
def sweep_accounts():
    """Tell people of changes to their account of which nobody told them, as the process that made them died."""
    security.sweep()


@task()
def prune():
    """Delete what has served its time."""
    call_command("prune", verbosity=0)
