"""Health checks of a running site. /healthz/ shows their results, and `manage.py doctor` shows more details.

Each check uses the component that it reports on. Because /healthz/ is public, each process runs checks that are slow or use
other machines at most once a minute.
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
from django.core.mail import get_connection
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from health_check import checks
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable
from redis.exceptions import RedisError

from accounts.common.local_cache import LocalCache
from accounts.emails.models import Delivery, OutboxHold
from accounts.jobs.models import Job
from posts.timelines import home_timeline
from socializer import clocks

logger = logging.getLogger(__name__)

# A running worker starts a job within a second, and needs less time than this to send the emails after a burst of follows.
PATIENCE = timedelta(minutes=10)
# A mail server may make new senders wait for a few minutes.
MAIL_PATIENCE = timedelta(hours=1)
# How many seconds the result of a slow check is valid.
CACHE_SECONDS = 60
# The result of each CachedCheck and its time by the monotonic clock, which can't be set back.
results = LocalCache(100)
# How many seconds to wait for each response from the mail server.
SMTP_TIMEOUT = 5
# A full database may still have space for a few bytes, so the check writes more than that.
WRITTEN_BYTES = 50_000


def late_jobs():
    """Return the jobs that have been ready to run for ten minutes. If there are any, no worker is running."""
    return Job.objects.overdue(PATIENCE)


def late_emails():
    """Return the emails that the mail server hasn't accepted for an hour."""
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, attempts__gt=0)
    return waiting.filter(created_on__lt=timezone.now() - MAIL_PATIENCE)


def write_to_database():
    """Store a row and delete it. Raises DatabaseError if that fails, for example because the disk is full."""
    key = f"health{get_random_string(26)}"
    row = Session(session_key=key, session_data=get_random_string(WRITTEN_BYTES), expire_date=timezone.now())
    # This takes two transactions, because nothing is written to the disk before a commit.
    with transaction.atomic():
        row.save(force_insert=True)
    with transaction.atomic():
        Session.objects.filter(session_key=key).delete()


def greet_mail_server():
    """Connect to the mail server and log in, without sending an email. Raises SMTPException or OSError."""
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
    """Store, read and delete a value in the Redis of a fan-out timeline. Raises RedisError if that fails or the value differs."""
    timeline = home_timeline()
    if not timeline.needs_redis:
        return
    redis = timeline.client.redis
    key, value = f"health:{uuid4()}", get_random_string(22)
    redis.set(key, value, ex=CACHE_SECONDS)
    found = redis.getdel(key)
    if found != value.encode():
        raise RedisError("Redis returned another value than was stored.")


class RowsCheck(HealthCheck):
    """Fails if `rows()` returns any rows."""

    def run(self):
        try:
            if self.rows().exists():
                raise ServiceUnavailable(self.message)
        finally:
            # The view runs this in a new thread, and nothing else closes that thread's connection.
            if not connection.in_atomic_block:
                connection.close()


@dataclasses.dataclass
class Jobs(RowsCheck):
    rows = staticmethod(late_jobs)
    message = "A job has been waiting for over ten minutes. Is the worker running?"


class CachedCheck(HealthCheck):
    """A check that runs at most once a minute, however many requests ask for its result.

    `act()` raises one of `errors` if the check fails. Visitors then see `message`, and the log has the details.
    """

    # The result must be ready before a health probe times out.
    timeout = timedelta(seconds=8)
    errors = (Exception,)

    def __init_subclass__(cls):
        cls.running = threading.Lock()

    def run(self):
        if failure := self.failure():
            raise ServiceUnavailable(failure)

    def failure(self):
        """Return a sentence about the failure, or an empty string."""
        result = self.cached()
        if result is not None:
            return result
        if not self.running.acquire(timeout=SMTP_TIMEOUT):
            return "No answer yet."
        try:
            result = self.cached()
            if result is None:
                result = self.check_now()
                results.keep(type(self), (time.monotonic(), result))
            return result
        finally:
            self.running.release()

    def cached(self):
        """Return the result from the last minute, or None."""
        checked_at, failure = results.get(type(self), (-CACHE_SECONDS, None))
        return failure if time.monotonic() - checked_at < CACHE_SECONDS else None

    def check_now(self):
        try:
            self.act()
        except self.errors:
            logger.exception("%s failed", type(self).__name__)
            return self.message
        return ""


@dataclasses.dataclass
class DatabaseWrites(CachedCheck):
    errors = (DatabaseError,)
    message = "The database can be read but not written to. Is the disk full?"
    act = staticmethod(write_to_database)

    async def run(self):
        # This uses the connection of the request.
        await sync_to_async(super().run)()


class ClocksDiffer(Exception):
    """The clocks of the site differ, or are wrong."""


def compare_clocks():
    """Raise ClocksDiffer with the first problem. May also raise DatabaseError."""
    for problem in clocks.problems():
        raise ClocksDiffer(problem)


@dataclasses.dataclass
class Clocks(CachedCheck):
    errors = (ClocksDiffer, DatabaseError)
    message = "The clocks differ, or posts are dated in the future. Run: manage.py doctor"
    act = staticmethod(compare_clocks)

    async def run(self):
        # This uses the connection of the request.
        await sync_to_async(super().run)()


@dataclasses.dataclass
class MailServer(CachedCheck):
    errors = (SMTPException, OSError)
    message = "The mail server doesn't answer, or rejects the login. See the log, and check EMAIL_URL."
    act = staticmethod(greet_mail_server)

    def pretty_status(self):
        """Report whether the site sends email. A site may choose not to send email, so that is not a failure."""
        return "OK" if settings.EMAIL_IS_DELIVERED else "Email isn't sent. Set EMAIL_URL."


@dataclasses.dataclass
class Mail(RowsCheck):
    rows = staticmethod(late_emails)
    message = "The mail server hasn't accepted emails for over an hour. The admin shows its answers under deliveries."


@dataclasses.dataclass
class Outbox(HealthCheck):
    """Shows whether emails are held after a restore. That is not a failure, because an operator has to decide."""

    held = False

    async def run(self):
        # This uses the connection of the request.
        self.held = await sync_to_async(OutboxHold.is_on)()

    def pretty_status(self):
        return "Emails are held after a restore. Run: manage.py release_outbox" if self.held else "OK"


@dataclasses.dataclass
class Pictures(CachedCheck):
    message = "Pictures can't be stored, read or deleted. See the log, and check MEDIA_STORAGE."

    def act(self):
        checks.Storage().run()


@dataclasses.dataclass
class TimelineRedis(CachedCheck):
    errors = (RedisError, OSError)
    message = "The Redis of the timelines doesn't work. See the log, and check TIMELINE_REDIS_URL."
    act = staticmethod(use_timeline_redis)
