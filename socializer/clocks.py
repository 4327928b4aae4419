"""Compares the clocks of this machine, the database and Redis, and looks for stored times in the future.

Posts use the clock of the database. Everything else, such as sessions, rate limits, emails and jobs, uses the clock of the
machine on which the code runs.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import connection
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from posts.ids import BRIDGED, EPOCH, IdNow, time_of
from posts.models import Post
from posts.timelines.redis.client import TIMEOUT

# The clocks of machines that use NTP differ by milliseconds.
TOLERANCE = timedelta(seconds=2)


def problems():
    """Yield a sentence about each problem with the clocks. Raises DatabaseError."""
    now = timezone.now()
    if now < EPOCH:
        yield f"The clock of this machine says {now:%Y-%m-%d}, but posts can't be dated before 2015. Set the clock."
    if connection.vendor == "postgresql":
        yield from _difference("the database", _database_time)
    if settings.TIMELINE_REDIS_URL:
        yield from _difference("Redis", _redis_time)
    yield from _posts_from_the_future()


def _difference(owner, read_time):
    """Compare a clock with this machine's, allowing for the time that reading it takes."""
    begin = monotonic()
    there, here = read_time(), timezone.now()
    took = timedelta(seconds=monotonic() - begin)
    if there is None:
        return
    ahead = there - (here - took / 2)
    if abs(ahead) > TOLERANCE + took / 2:
        seconds = round(ahead.total_seconds())
        behind = "ahead of" if seconds > 0 else "behind"
        difference = timedelta(seconds=abs(seconds))
        yield f"The clock of {owner} is {difference} {behind} the clock of this machine. Set both with NTP."


def _database_time():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def _redis_time():
    """Return the time, or None if Redis doesn't answer. Other checks report that."""
    url = settings.TIMELINE_REDIS_URL
    try:
        with Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT) as redis:
            seconds, microseconds = redis.time()
    except (OSError, RedisError):
        return None
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)


def _posts_from_the_future():
    posts = Post.objects.filter(id__gte=IdNow(BRIDGED))
    if newest := posts.order_by("-id").first():
        until = f"{time_of(newest.pk):%Y-%m-%d %H:%M} UTC"
        yield (
            f"{posts.count()} posts are dated in the future because a clock was ahead. Until {until} they appear above new "
            "posts. If the clock is right now, wait or delete them."
        )
