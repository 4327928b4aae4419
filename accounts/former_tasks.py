"""Tasks of older releases that took other arguments than those that replaced them.

`@task(..., formerly=...)` names those whose arguments are the same.
"""

from django.utils.crypto import get_random_string

from accounts.jobs import registry
from accounts.models import Delivery, Follow


def adapt_mail_new_follower(follow_id, attempt=1):
    """Return the arguments of `record_follow`. Nobody is told of a follow that was undone."""
    follow = Follow.objects.filter(pk=follow_id).first()
    if follow is None:
        raise registry.ObsoleteTask("The follow was undone.")
    return [follow.pk, follow.follower_id, follow.followed_id, follow.created_on.isoformat()], {}


def adapt_send_mail(subject, body, html, from_email, to, headers, attempt=1):
    """Return the arguments of `deliver_rendered`, which needs a Delivery. These emails had one recipient each."""
    delivery = Delivery.objects.create(kind="account", key=get_random_string(22), address=to[0])
    return [delivery.pk, subject, body, html, from_email, headers], {}


registry.replace("accounts.tasks.mail_new_follower", "accounts.record_follow", adapt_mail_new_follower)
registry.replace("accounts.tasks.send_mail", "emails.deliver_rendered", adapt_send_mail)
