"""Work that a worker does after the request: `manage.py worker`, which script/server runs."""

from django.core.mail import EmailMultiAlternatives
from django.core.management import call_command
from django_tasks import task

from accounts import emails
from accounts.models import Follow, MailKind, MailPreference
from accounts.outbox import send_once


@task()
def mail_new_follower(follow_id):
    """Tell somebody that they gained a follower, at most once a day for each follower.

    Sends nothing if the follow was undone meanwhile, either of the two is suspended, or the mail is unwanted.
    """
    follow = Follow.objects.select_related("follower", "followed").filter(pk=follow_id).first()
    if follow is None or follow.follower.suspended_on:
        return
    recipient = follow.followed
    if recipient.can_be_mailed() and MailPreference.wants(recipient, MailKind.NEW_FOLLOWER):
        send_once(
            emails.new_follower(follow),
            recipient=recipient,
            kind=MailKind.NEW_FOLLOWER,
            key=f"{follow.follower_id} {follow.created_on:%Y-%m-%d}",
        )


@task()
def send_mail(subject, body, html, from_email, to, headers):
    """Send a mail that was composed in a request, such as allauth's about passwords and addresses."""
    message = EmailMultiAlternatives(subject, body, from_email, to, headers=headers)
    if html:
        message.attach_alternative(html, "text/html")
    message.send()


@task()
def prune():
    """Delete what has served its time."""
    call_command("prune", verbosity=0)
