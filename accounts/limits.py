"""How often a member may do a thing: counted by the rows that doing it makes, so that nothing else has to be kept."""

from datetime import timedelta

from django.utils import timezone
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _

from accounts.models import User


class LimitReached(Exception):
    """Too many, too soon. `wait` is the timedelta until the next one is allowed."""

    def __init__(self, wait):
        super().__init__(wait)
        self.wait = wait

    def __str__(self):
        """A sentence for the member, rounded up to the minute."""
        now = timezone.now()
        wait = timeuntil(now + self.wait + timedelta(minutes=1), now, depth=1)
        return _("That was a lot in a short time. Wait %(wait)s, then try again.") % {"wait": wait}


def lock(user):
    """Until the transaction ends, whoever else locks or claims for `user` waits, and then sees what it has made."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def claim(user, rows, limit):
    """Raise LimitReached if `user` has made as many of `rows` lately as `limit`, (count, seconds), allows.

    `rows` is a queryset of what they made, with `created_on`. To be called in the transaction that makes the next one: the
    user's row is locked, so that of several processes each counts what the one before has made.
    """
    count, seconds = limit
    lock(user)
    now = timezone.now()
    since = now - timedelta(seconds=seconds)
    newest = rows.filter(created_on__gt=since).order_by("-created_on")
    made = list(newest.values_list("created_on", flat=True)[:count])
    if len(made) == count:
        raise LimitReached(made[-1] - since)
