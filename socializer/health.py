"""What can be wrong with a running site: /healthz/ shows it, and `manage.py doctor` says more.

Each check does what it reports on. Everyone may ask for /healthz/, so what is slow, or works on other machines, is done
once a minute by each process, however often it is asked for.
"""

import dataclasses
import logging
import threading
import time
from datetime import timedelta
from smtplib import SMTPException, SMTPResponseException
from uuid import uuid4

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.core.mail import get_connection
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from health_check import checks
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable
from redis.exceptions import RedisError

from accounts.models import Delivery, Job, OutboxHold
from posts.timelines import home_timeline
from socializer import clocks

logger = logging.getLogger(__name__)

# Longer than a burst of follows takes to be mailed; a worker that lives takes a job within a second.
PATIENCE = timedelta(minutes=10)
# Mail servers ask for some minutes when they do not know us yet.
MAIL_PATIENCE = timedelta(hours=1)
# For how many seconds the answer of a slow check counts.
REMEMBERED = 60
# How many seconds a mail server has for each of its answers.
SMTP_TIMEOUT = 5
# A database that is full may still have room for a few bytes.
WRITTEN_BYTES = 50_000


def late_jobs():
    """The jobs that could have run ten minutes ago, and did not: no worker lives."""
    return Job.objects.late(PATIENCE)


def late_mails():
    """The mails that the mail server has not taken for an hour."""
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, tries__gt=0)
    return waiting.filter(created_on__lt=timezone.now() - MAIL_PATIENCE)


def write_to_database():
    """Store a row and delete it. Raises DatabaseError if that is not possible, as on a full disk."""
    key = f"health{get_random_string(26)}"
    row = Session(session_key=key, session_data=get_random_string(WRITTEN_BYTES), expire_date=timezone.now())
    # In two transactions: what is not committed has not reached the disk.
    with transaction.atomic():
        row.save(force_insert=True)
    with transaction.atomic():
        Session.objects.filter(session_key=key).delete()


def greet_mail_server():
    """Connect to the mail server and log in as for a mail, but send none. Raises SMTPException or OSError."""
    backend = get_connection(timeout=SMTP_TIMEOUT)
    try:
        backend.open()
        session = getattr(backend, "connection", None)
        if hasattr(session, "noop"):
            code, answer = session.noop()
            if code != 250:
                raise SMTPResponseException(code, answer)
    finally:
        backend.close()


def use_timeline_redis():
    """Store a value in the Redis of a fan-out timeline, read and delete it. Raises RedisError, also if it is another."""
    store = getattr(home_timeline(), "store", None)
    if store is None:
        return
    key, value = f"health:{uuid4()}", get_random_string(22)
    store.redis.set(key, value, ex=REMEMBERED)
    found = store.redis.getdel(key)
    if found != value.encode():
        raise RedisError("A value is not found again.")


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


class RememberedCheck(HealthCheck):
    """A check whose answer counts for a minute. Of many who ask at once, one waits for a new answer.

    `act()` does it, and raises one of `errors` if it fails. The visitor sees `words`; the log has the rest.
    """

    # The answer must come before a probe gives up.
    timeout = timedelta(seconds=8)
    errors = (Exception,)

    def __init_subclass__(cls):
        cls.running = threading.Lock()

    def run(self):
        if failure := self.failure():
            raise ServiceUnavailable(failure)

    def failure(self):
        """What is wrong, as a sentence, or nothing."""
        # This cache is kept by each process for itself.
        cache, key = caches["template_fragments"], f"health.{type(self).__name__}"
        remembered = self.recall(cache, key)
        if remembered is not None:
            return remembered
        if not self.running.acquire(timeout=SMTP_TIMEOUT):
            return "No answer yet."
        try:
            remembered = self.recall(cache, key)
            if remembered is None:
                remembered = self.try_now()
                cache.set(key, (time.monotonic(), remembered), REMEMBERED)
            return remembered
        finally:
            self.running.release()

    def recall(self, cache, key):
        """Return what was found in the last minute, or None. The cache goes by a clock that may be set back."""
        looked_at, failure = cache.get(key, (0, None))
        return failure if 0 <= time.monotonic() - looked_at < REMEMBERED else None

    def try_now(self):
        try:
            self.act()
        except self.errors:
            logger.exception("%s failed", type(self).__name__)
            return self.words
        return ""


@dataclasses.dataclass
class DatabaseWrites(RememberedCheck):
    errors = (DatabaseError,)
    words = "The database can be read, but not be written to. Is the disk full?"
    act = staticmethod(write_to_database)

    async def run(self):
        # With the connection of the request.
        await sync_to_async(super().run)()


class ClocksDiffer(Exception):
    """The clocks of the site do not agree, or are wrong."""


def compare_clocks():
    """Raises ClocksDiffer with the first problem, or DatabaseError."""
    for problem in clocks.problems():
        raise ClocksDiffer(problem)


@dataclasses.dataclass
class Clocks(RememberedCheck):
    errors = (ClocksDiffer, DatabaseError)
    words = "The clocks do not agree, or posts are from the future. Run: manage.py doctor"
    act = staticmethod(compare_clocks)

    async def run(self):
        # With the connection of the request.
        await sync_to_async(super().run)()


@dataclasses.dataclass
class MailServer(RememberedCheck):
    errors = (SMTPException, OSError)
    words = "The mail server does not answer, or refuses the login. See the log, and EMAIL_URL."
    act = staticmethod(greet_mail_server)

    def pretty_status(self):
        """That no mail leaves is no error: a site may want to send none. But it says so."""
        return "OK" if settings.MAIL_LEAVES else "No mail leaves this machine. Set EMAIL_URL."


@dataclasses.dataclass
class Mail(RowsCheck):
    rows = staticmethod(late_mails)
    words = (
        "The mail server has not taken mails for over an hour. The admin shows its answers, under deliveries."
    )


@dataclasses.dataclass
class Outbox(HealthCheck):
    """Not wrong while emails are held after a restore, as an operator has to decide. But it says so."""

    held = False

    async def run(self):
        # With the connection of the request.
        self.held = await sync_to_async(OutboxHold.is_on)()

    def pretty_status(self):
        return "Emails are held after a restore. Run: manage.py release_outbox" if self.held else "OK"


@dataclasses.dataclass
class Pictures(RememberedCheck):
    words = "Pictures can't be stored, read and deleted. See the log, and MEDIA_STORAGE."

    def act(self):
        checks.Storage().run()


@dataclasses.dataclass
class TimelineRedis(RememberedCheck):
    errors = (RedisError, OSError)
    words = "The Redis of the timelines does not answer as it should. See TIMELINE_REDIS_URL."
    act = staticmethod(use_timeline_redis)
