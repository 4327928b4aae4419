"""What follows from an event. A receiver only writes a row in the same transaction, most often a task."""

from allauth.account.views import INTERNAL_RESET_SESSION_KEY
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models.signals import pre_delete
from django.utils import timezone

from accounts import rate_limits, security, tasks
from accounts.emails import outbox, plans
from accounts.models import FollowNotice, RateLimitCounter, ToldState


def track_session(sender, request, user, **kwargs):
    """Know every session, also one that was not begun on allauth's pages: suspending somebody must end them all.

    Raises AccountGone if they have left or were suspended since their password was checked.
    """
    with transaction.atomic():
        user.lock(visible=True)
        if request.session.session_key is None:  # The one before was somebody else's, so it was thrown away.
            request.session.save()
        UserSession.objects.get_or_create(
            session_key=request.session.session_key,
            defaults={"user": user, "ip": request.META.get("REMOTE_ADDR") or "0.0.0.0"},  # noqa: S104 (unknown)
        )


def forget_reset_key(sender, request, **kwargs):
    """Drop the key of a password reset that somebody began in this browser and left: it may be another member's."""
    request.session.pop(INTERNAL_RESET_SESSION_KEY, None)


def note_follow(sender, follow, **kwargs):
    tasks.note_follow.enqueue(
        follow.pk, follow.follower_id, follow.followed_id, follow.created_on.isoformat()
    )


def note_unfollow(sender, follower, followed, **kwargs):
    # Nobody has been told of it yet, and now nobody will be.
    FollowNotice.objects.filter(recipient=followed, follower=follower, told_in="").delete()
    tasks.note_unfollow.enqueue(follower.pk, followed.pk, timezone.now().isoformat())


def recount_around(sender, user, **kwargs):
    tasks.recount_around.enqueue(user.pk)


def recount_neighbours(sender, neighbours, **kwargs):
    tasks.recount_in_parts(neighbours)


def mail_milestone(sender, user, threshold, **kwargs):
    outbox.mail("follower_milestone", user, str(threshold), threshold=threshold)


def tell_changes(sender, request, user, **kwargs):
    """What allauth has changed. Should this process die before, the worker's sweep tells it."""
    security.tell_changes(user, request)


def mark_account(sender, instance, **kwargs):
    """Before a second factor is added or removed: should this process die after it, the sweep tells of it."""
    if instance.pk is None or kwargs["signal"] is pre_delete:
        ToldState.mark(instance.user_id)


def give_up_mail(sender, job, **kwargs):
    """Record that an email's job has failed for good."""
    if delivery_id := outbox.delivery_of(job):
        outbox.give_up(delivery_id)


def correct_future_times(sender, now, **kwargs):
    """Times at which something is to happen, or before which it may not happen again."""
    plans.correct_future_times(now)
    ToldState.objects.filter(due_on__gt=now).update(due_on=now)
    latest = now + rate_limits.longest_window()
    RateLimitCounter.objects.filter(ends_on__gt=latest).update(ends_on=latest)
