"""Ids that order posts by time: milliseconds since 2015-01-01 UTC, shifted left by 12 bits, plus 12 random bits.

The id serves as key, sort order and cursor. Until 2084, it fits into 53 bits, so JavaScript and Redis scores represent it
exactly. Compared with a serial number and a date, this halves the index and makes each cursor a single number.

All web servers must agree on the time, so ids use the database's clock. For PostgreSQL, this is the clock of the database
server, and for SQLite the clock of this machine. If the clock is set back to less than BRIDGED before the newest post, a new
post still gets a higher id than the newest one. So an id can be slightly ahead of the time, but Post.created_on never is.

A post is *settled* if its id is so old that no new post can appear below it. Links and counts that point to newer posts leave
out posts that aren't settled.
"""

import logging
import random
from datetime import UTC, datetime, timedelta

from django.db import OperationalError, connections, models, router
from django.utils import timezone

from accounts.common.compiled_queries import Recomputed

logger = logging.getLogger(__name__)

EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
RANDOM_BITS = 12
MAX_ID = 2**53 - 1
MILLISECOND = timedelta(milliseconds=1)

# An id is created just before its transaction commits. For this long, a post can still appear below a newer one.
SETTLING = timedelta(seconds=2)
BRIDGED = timedelta(seconds=10)

# The SQL for the current time if the database has its own clock. It is the time when the statement starts, because the results
# of a slow query don't include posts that are committed while it runs.
DATABASE_CLOCKS = {"postgresql": "statement_timestamp()"}


class WrongClock(OperationalError):
    """The clock is so wrong that no id can be created. This is an OperationalError so that pages respond with a 503."""


class IdNow(models.Expression):
    """The lowest id of a post created now by the database's clock, or at the timedelta `offset` from now, as SQL."""

    output_field = models.BigIntegerField()

    def __init__(self, offset=timedelta()):
        super().__init__()
        self.offset = offset

    def as_sql(self, compiler, connection):
        clock = DATABASE_CLOCKS.get(connection.vendor)
        if clock is None:
            return "%s", [Recomputed(lambda: first_id_at(timezone.now() + self.offset))]
        milliseconds = (self.offset - (EPOCH - datetime(1970, 1, 1, tzinfo=UTC))) // MILLISECOND
        since_epoch = f"floor(extract(epoch FROM {clock}) * 1000)::bigint + ({milliseconds})"
        return f"(greatest({since_epoch}, 0) << {RANDOM_BITS})", []


def new_id(model):
    """Return an id for a post created now, and the current time. `model` is Post.

    The chance that two ids from the same millisecond are equal is 1 in 4,096. Raises WrongClock before 2015 and after 2084.
    """
    now, newest_bridged, newest = _read_clock(model)
    if not 0 < now < MAX_ID:
        raise WrongClock("No post can be stored while the clock is before 2015 or after 2084. Set it.")
    if newest != newest_bridged:
        ahead = time_of(newest) - time_of(now)
        logger.warning("The newest post is %s in the future. New posts are listed below it.", ahead)
    post_id = now | random.getrandbits(RANDOM_BITS)
    if newest_bridged is not None and post_id <= newest_bridged:
        post_id = newest_bridged + random.randint(1, 1 << RANDOM_BITS)  # noqa: S311
    return post_id, time_of(now)


def _read_clock(model):
    """Return the lowest id for the current time, the newest id that is less than BRIDGED ahead of it, and the newest id."""
    connection = connections[router.db_for_write(model)]
    table = connection.ops.quote_name(model._meta.db_table)
    now, params = IdNow().as_sql(None, connection)
    # No part of the SQL comes from a request.
    sql = f"""
        SELECT clock.now, (SELECT max(id) FROM {table} WHERE id < clock.now + %s), (SELECT max(id) FROM {table})
        FROM (SELECT {now} AS now) AS clock
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [BRIDGED // MILLISECOND << RANDOM_BITS, *params])
        return cursor.fetchone()


def first_id_at(time):
    """Return the lowest id that a post created in the millisecond of `time` can have."""
    return max((time - EPOCH) // MILLISECOND, 0) << RANDOM_BITS


def time_of(post_id):
    """Return the creation time of a post with this id, in UTC, to the millisecond."""
    return EPOCH + timedelta(milliseconds=post_id >> RANDOM_BITS)


def settled():
    """Return an expression for the id below which no new post can appear."""
    return IdNow(-SETTLING)
