"""Tasks of older releases that took other arguments than those that replaced them.

`@task(..., formerly=...)` names those whose arguments are the same.
"""

from django.utils.crypto import get_random_string

from accounts.jobs import registry
from accounts.models import Delivery, Follow


def adapt_mail_new_follower(follow_id, attempt=1):
    """Return the arguments of `record_follow`.

    Raises ObsoleteTask if the follow was undone, or if the email was sent before its worker was killed.
    """
    follow = Follow.objects.filter(pk=follow_id).first()
    if follow is None:
        raise registry.ObsoleteTask("The follow was undone.")
    # The row of an email that these releases sent, or began to send.
    key = f"{follow.follower_id} {follow.created_on:%Y-%m-%d}"
    delivery = Delivery.objects.filter(recipient=follow.followed_id, kind="new_follower", key=key).first()
    if delivery and delivery.is_over:
        raise registry.ObsoleteTask("The email was sent.")
    if delivery:
        delivery.delete()
    return [follow.pk, follow.follower_id, follow.followed_id, follow.created_on.isoformat()], {}


def adapt_send_mail(subject, body, html, from_email, to, headers, attempt=1):
    """Return the arguments of `deliver_rendered`, which needs a Delivery. These emails had one recipient each."""
    delivery = Delivery.objects.create(kind="account", key=get_random_string(22), address=to[0])
    return [delivery.pk, subject, body, html, from_email, headers], {}


registry.replace("accounts.tasks.mail_new_follower", "accounts.record_follow", adapt_mail_new_follower)
registry.replace("accounts.tasks.send_mail", "emails.deliver_rendered", adapt_send_mail)
