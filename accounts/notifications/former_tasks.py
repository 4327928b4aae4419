"""Tasks of older releases, kept because their jobs may still be waiting."""

from datetime import datetime

from django.db import transaction
from django.utils.crypto import get_random_string

from accounts.emails.models import Delivery
from accounts.jobs import registry
from accounts.jobs.registry import task
from accounts.models import Follow, User
from accounts.notifications import digests, followers
from accounts.notifications.followers import NewFollower
from accounts.notifications.models import Notification


@task("accounts.record_follow", formerly=["accounts.tasks.note_follow"])
def record_follow(follow_id, follower_id, followed_id, happened_on):
    """Do what `User.follow()` and its receiver do today, unless one of the two people has left.

    A follow that has ended counts only for the summary.
    """
    created_on = datetime.fromisoformat(happened_on)
    with transaction.atomic():
        if not _lock_both(follower_id, followed_id) or _is_recorded(
            NewFollower.name, actor=follower_id, recipient=followed_id, subject=follow_id
        ):
            return
        follower, followed = (User.objects.get(pk=pk) for pk in (follower_id, followed_id))
        if Follow.objects.filter(pk=follow_id).exists():
            digests.notify(
                NewFollower.name, followed, actor=follower, subject=follow_id, created_on=created_on
            )
            followed.update_milestone()
        else:
            followers.store_for_summary(NewFollower.name, followed, follower, created_on)


@task("accounts.record_unfollow", formerly=["accounts.tasks.note_unfollow"])
def record_unfollow(follower_id, followed_id, happened_on):
    """Record an unfollow for the summary, unless one of the two people has left."""
    created_on = datetime.fromisoformat(happened_on)
    with transaction.atomic():
        if not _lock_both(follower_id, followed_id):
            return
        follower, followed = (User.objects.get(pk=pk) for pk in (follower_id, followed_id))
        is_recorded = _is_recorded(
            followers.UNFOLLOW, actor=follower, recipient=followed, created_on=created_on
        )
        if not is_recorded and followers.summary_covered_until(followed) is not None:
            followers.store_for_summary(followers.UNFOLLOW, followed, follower, created_on)


def _lock_both(follower_id, followed_id):
    """Lock both people. Returns whether both are still members."""
    return len(User.objects.lock(follower_id, followed_id)) == 2


def _is_recorded(type_name, **conditions):
    """Return whether an earlier run of the job stored the notification before its worker was killed."""
    return Notification.objects.filter(type=type_name, **conditions).exists()


def adapt_mail_new_follower(follow_id, attempt=1):
    """Return the arguments of `record_follow`.

    Raises ObsoleteTask if the follow has ended, or if the email was sent before its worker was killed.
    """
    follow = Follow.objects.filter(pk=follow_id).first()
    if follow is None:
        raise registry.ObsoleteTask("The follow was undone.")
    # These releases stored an email under this key before they sent it.
    key = f"{follow.follower_id} {follow.created_on:%Y-%m-%d}"
    delivery = Delivery.objects.filter(recipient=follow.followed_id, type=NewFollower.name, key=key).first()
    if delivery and delivery.is_finished:
        raise registry.ObsoleteTask("The email was sent.")
    if delivery:
        delivery.delete()
    return [follow.pk, follow.follower_id, follow.followed_id, follow.created_on.isoformat()], {}


def adapt_send_mail(subject, body, html, from_email, to, headers, attempt=1):
    """Return the arguments of `deliver_rendered`, which needs a Delivery. Each of these emails had one recipient."""
    delivery = Delivery.objects.create(type="account", key=get_random_string(22), address=to[0])
    return [delivery.pk, subject, body, html, from_email, headers], {}


registry.replace("accounts.tasks.mail_new_follower", "accounts.record_follow", adapt_mail_new_follower)
registry.replace("accounts.tasks.send_mail", "emails.deliver_rendered", adapt_send_mail)
