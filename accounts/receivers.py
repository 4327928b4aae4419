"""Receivers that update sessions and stored counts. They only write rows, in the transaction of the event."""

from allauth.account.views import INTERNAL_RESET_SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.db import transaction

from accounts import signals, tasks
from accounts.common.installed import HAS_USER_SESSIONS

if HAS_USER_SESSIONS:
    from allauth.usersessions.models import UserSession


def connect():
    """Connect the receivers of this room. Called by AccountsConfig.ready()."""
    user_logged_in.connect(track_session)
    user_logged_in.connect(discard_reset_key)
    signals.user_suspended.connect(recount_around)
    signals.user_reinstated.connect(recount_around)
    signals.user_left.connect(recount_neighbours)


def track_session(sender, request, user, **kwargs):
    """Record the new session so that a suspension can end it, even if the login didn't use allauth's pages.

    Without allauth.usersessions, nothing is recorded.

    Raises AccountGone if the member left or was suspended after the password was checked.
    """
    with transaction.atomic():
        user.lock(visible=True)
        if not HAS_USER_SESSIONS:
            return
        # Django flushes a session that belonged to another member. The new session has no key until it is saved.
        if request.session.session_key is None:
            request.session.save()
        UserSession.objects.get_or_create(
            session_key=request.session.session_key,
            defaults={"user": user, "ip": request.META.get("REMOTE_ADDR") or "0.0.0.0"},  # noqa: S104 (unknown)
        )


def discard_reset_key(sender, request, **kwargs):
    """Discard the key of an unfinished password reset in this browser. It may belong to another member."""
    request.session.pop(INTERNAL_RESET_SESSION_KEY, None)


def recount_around(sender, user, **kwargs):
    """Correct the counts of everyone whom `user` follows and everyone who follows `user`."""
    tasks.recount_around.enqueue(user.pk)


def recount_neighbours(sender, neighbours, **kwargs):
    tasks.recount_in_parts(neighbours)
