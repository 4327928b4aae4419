"""Receivers of the emails room. Each writes a row in the transaction of the event."""

from accounts import signals
from accounts.emails import outbox


def connect():
    """Connect the receivers of this room. Called by AccountsConfig.ready()."""
    signals.job_failed.connect(mark_email_failed)


def mark_email_failed(sender, job, **kwargs):
    """Record that the email of a failed job won't be sent."""
    if delivery_id := outbox.delivery_of(job):
        outbox.mark_failed(delivery_id)
