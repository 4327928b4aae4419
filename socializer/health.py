"""What can be wrong with a running site, beside the database and the cache; shown by /healthz/."""

import dataclasses
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable

from accounts.models import Delivery, Job

# Longer than a burst of follows takes to be mailed; a worker that lives takes a job within a second.
PATIENCE = timedelta(minutes=10)
# Mail servers ask for some minutes when they do not know us yet.
MAIL_PATIENCE = timedelta(hours=1)


def late_jobs():
    """The jobs that could have run ten minutes ago, and did not: no worker lives."""
    return Job.objects.late(PATIENCE)


def late_mails():
    """The mails that the mail server has not taken for an hour."""
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, tries__gt=0)
    return waiting.filter(created_on__lt=timezone.now() - MAIL_PATIENCE)


class RowsCheck(HealthCheck):
    """Wrong if there are certain rows."""

    def run(self):
        try:
            if self.rows().exists():
                raise ServiceUnavailable(self.words)
        finally:
            # The view runs this in a thread of its own, whose connection nobody else would close.
            if not connection.in_atomic_block:
                connection.close()


@dataclasses.dataclass
class Jobs(RowsCheck):
    rows = staticmethod(late_jobs)
    words = "A job has been waiting for over ten minutes. Does the worker run?"


@dataclasses.dataclass
class Mail(RowsCheck):
    """That none leaves this machine is no error: a site may want to send none. But it says so."""

    rows = staticmethod(late_mails)
    words = (
        "The mail server has not taken mails for over an hour. The admin shows its answers, under deliveries."
    )

    def pretty_status(self):
        return "OK" if settings.MAIL_LEAVES else "No mail leaves this machine. Set EMAIL_URL."
