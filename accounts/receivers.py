"""What follows from an event. A receiver only writes a row in the same transaction, most often a task."""

from allauth.usersessions.models import UserSession

from accounts import tasks


def track_session(sender, request, user, **kwargs):
    """Know every session, also one that was not begun on allauth's pages: suspending somebody must end them all."""
    UserSession.objects.get_or_create(
        session_key=request.session.session_key,
        defaults={"user": user, "ip": request.META.get("REMOTE_ADDR") or "0.0.0.0"},  # noqa: S104 (unknown)
    )


def mail_new_follower(sender, follow, **kwargs):
    tasks.mail_new_follower.enqueue(follow.pk)
