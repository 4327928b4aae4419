"""Receivers of the joining room. They only write rows and enqueue tasks, in the transaction of the event."""

from accounts import signals
from accounts.emails import outbox
from accounts.joining import tasks
from accounts.joining.admission import submit
from accounts.joining.models import Application


def connect():
    """Connect the receivers of this room. Called by AccountsConfig.ready()."""
    signals.credentials_changed.connect(submit_confirmed)
    signals.application_submitted.connect(tell_moderators)
    signals.application_decided.connect(email_applicant)


def submit_confirmed(sender, user, previous_email, **kwargs):
    """Submit the application of somebody who has just confirmed their address."""
    if user.is_pending and user.email and not previous_email:
        for application in Application.objects.filter(person=user, submitted_on=None):
            submit(application)


def tell_moderators(sender, application, **kwargs):
    """Tell the moderators. A job does it, because they aren't locked."""
    tasks.tell_moderators.enqueue(application.pk)


def email_applicant(sender, application, by, **kwargs):
    if by is not None:
        key = f"{application.pk} {application.decided_on.isoformat()}"
        outbox.enqueue(f"application_{application.state}", application.person, key)
