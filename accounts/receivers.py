"""What follows from an event. A receiver only writes a row in the same transaction, most often a task."""

from allauth.usersessions.models import UserSession
from django.utils import timezone

from accounts import security, tasks
from accounts.emails import outbox


def track_session(sender, request, user, **kwargs):
    """Know every session, also one that was not begun on allauth's pages: suspending somebody must end them all."""
    if request.session.session_key is None:  # The one before was somebody else's, so it was thrown away.
        request.session.save()
    UserSession.objects.get_or_create(
        session_key=request.session.session_key,
        defaults={"user": user, "ip": request.META.get("REMOTE_ADDR") or "0.0.0.0"},  # noqa: S104 (unknown)
    )


def note_follow(sender, follow, **kwargs):
    tasks.note_follow.enqueue(
        follow.pk, follow.follower_id, follow.followed_id, follow.created_on.isoformat()
    )


def note_unfollow(sender, follower, followed, **kwargs):
    tasks.note_unfollow.enqueue(follower.pk, followed.pk, timezone.now().isoformat())


def mail_milestone(sender, user, threshold, **kwargs):
    outbox.mail("follower_milestone", user, str(threshold), threshold=threshold)


def tell_changes(sender, request, user, **kwargs):
    """What allauth has changed. Should this process die before, the worker's sweep tells it."""
    security.tell_changes(user, request)


def give_up_mail(sender, task_result, **kwargs):
    """Say in the record of mails that a mail's job has failed for good."""
    if task_result.status == "FAILED" and task_result.task.module_path.startswith("accounts.emails.outbox."):
        outbox.give_up(task_result.args[0])
