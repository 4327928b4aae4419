"""What can be wrong with a running site, beside the database and the cache; shown by /healthz/."""

import dataclasses
from datetime import timedelta

from django.conf import settings
from django.db import connection
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable

from accounts.models import Job

# Longer than a burst of follows takes to be mailed; a worker that lives takes a job within a second.
PATIENCE = timedelta(minutes=10)


def late_jobs():
    """The jobs that could have run ten minutes ago, and did not: no worker lives."""
    return Job.objects.late(PATIENCE)


@dataclasses.dataclass
class Jobs(HealthCheck):
    def run(self):
        try:
            if late_jobs().exists():
                raise ServiceUnavailable("A job has been waiting for over ten minutes. Does the worker run?")
        finally:
            # The view runs this in a thread of its own, whose connection nobody else would close.
            if not connection.in_atomic_block:
                connection.close()


@dataclasses.dataclass
class Mail(HealthCheck):
    """Never an error: a site may want to send none. But it says so."""

    async def run(self):
        pass

    def pretty_status(self):
        return "OK" if settings.MAIL_LEAVES else "No mail leaves this machine. Set EMAIL_URL."
