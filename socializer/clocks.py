"""Whether the clocks of a site agree: this machine's, the database's and Redis', and with the times that are stored.

Posts follow the clock of the database. Everything else, such as sessions, rate limits, emails and jobs, follows the clock of
the machine that does it.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import connection
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from posts.ids import BRIDGED, EPOCH, IdNow, moment_of
from posts.models import Post
from posts.timelines.store import TIMEOUT

# Machines that keep their clocks by NTP differ by milliseconds.
TOLERANCE = timedelta(seconds=2)


def problems():
    """Yield a sentence about each thing that is wrong with the clocks. Raises DatabaseError."""
    now = timezone.now()
    if now < EPOCH:
        yield f"The clock of this machine shows {now:%Y-%m-%d}, and nobody can post before 2015. Set the clock."
    if connection.vendor == "postgresql":
        yield from _difference("the database", _database_time)
    if settings.TIMELINE_REDIS_URL:
        yield from _difference("Redis", _redis_time)
    yield from _posts_from_the_future()


def _difference(whose, read_time):
    """Compare a clock with this machine's. The time that it takes to ask is no difference."""
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
        yield f"The clock of {whose} is {difference} {behind} the clock of this machine. Have NTP set both."


def _database_time():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def _redis_time():
    """Return the time, or None if Redis doesn't answer, which is for other checks to say."""
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
        until = f"{moment_of(newest.pk):%Y-%m-%d %H:%M} UTC"
        yield (
            f"{posts.count()} posts are from the future: a clock was ahead when they were made. Until {until} they are listed "
            "above new posts. If the clock is right now, wait, or delete them."
        )
