"""Ids that order posts by time: milliseconds since 2015-01-01 UTC, shifted by 12 bits, plus 12 random bits.

One number serves as key, order and cursor. It has 53 bits until 2084, so that JavaScript and Redis scores hold it
exactly. See docs/timelines.md for what it saves against a serial number and a date.

All web machines must agree on the time, so ids follow the clock of the database: with PostgreSQL that is the clock of its
server, with SQLite the clock of this machine. A clock may step back. While it is less than BRIDGED behind the newest post, a new
post still gets an id above that one, so only an id can be a little ahead of the time: Post.created_on never is.
"""

import logging
import random
from datetime import UTC, datetime, timedelta

from django.db import OperationalError, connections, models, router
from django.utils import timezone

logger = logging.getLogger(__name__)

EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
RANDOM_BITS = 12
MAX_ID = 2**53 - 1
MILLISECOND = timedelta(milliseconds=1)

# An id is made a little before its transaction commits. Within this time a post can still appear below a newer one.
SETTLING = timedelta(seconds=2)
BRIDGED = timedelta(seconds=10)

# How to ask for the time in SQL where the database has a clock of its own. It is the time at which a statement begins: a slow
# query doesn't see the posts that were committed while it ran.
DATABASE_CLOCKS = {"postgresql": "statement_timestamp()"}


class WrongClock(OperationalError):
    """The clock is so wrong that no id can be made. An OperationalError, as it is the operator who can help: pages answer 503."""


class IdNow(models.Expression):
    """In SQL: the lowest id of a post made now by the database's clock, or at the timedelta `offset` from now."""

    output_field = models.BigIntegerField()

    def __init__(self, offset=timedelta()):
        super().__init__()
        self.offset = offset

    def as_sql(self, compiler, connection):
        clock = DATABASE_CLOCKS.get(connection.vendor)
        if clock is None:
            return "%s", [first_id_at(timezone.now() + self.offset)]
        milliseconds = (self.offset - (EPOCH - datetime(1970, 1, 1, tzinfo=UTC))) // MILLISECOND
        since_epoch = f"floor(extract(epoch FROM {clock}) * 1000)::bigint + ({milliseconds})"
        return f"(greatest({since_epoch}, 0) << {RANDOM_BITS})", []


def new_id(model):
    """Return the id for a post, a row of `model`, that is made now, and the time that it is.

    Two made in the same millisecond are equal once in 4,096 times. Raises WrongClock before 2015 and after 2084.
    """
    now, newest_bridged, newest = _read_clock(model)
    if not 0 < now < MAX_ID:
        raise WrongClock(
            "No post can be stored while the clock shows a time before 2015 or after 2084. Set it."
        )
    if newest != newest_bridged:
        ahead = moment_of(newest) - moment_of(now)
        logger.warning("The newest post is %s in the future; new posts are listed below it", ahead)
    post_id = now | random.getrandbits(RANDOM_BITS)
    if newest_bridged is not None and post_id <= newest_bridged:
        post_id = newest_bridged + random.randint(1, 1 << RANDOM_BITS)  # noqa: S311
    return post_id, moment_of(now)


def _read_clock(model):
    """Return the lowest id of now, the newest id of `model` that is less than BRIDGED ahead of it, and the newest of all."""
    connection = connections[router.db_for_write(model)]
    table = connection.ops.quote_name(model._meta.db_table)
    now, params = IdNow().as_sql(None, connection)
    # No part of the statement comes from a request.
    sql = f"""
        SELECT clock.now, (SELECT max(id) FROM {table} WHERE id < clock.now + %s), (SELECT max(id) FROM {table})
        FROM (SELECT {now} AS now) AS clock
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [BRIDGED // MILLISECOND << RANDOM_BITS, *params])
        return cursor.fetchone()


def first_id_at(moment):
    """The lowest id that a post made in the millisecond of `moment` can have."""
    return max((moment - EPOCH) // MILLISECOND, 0) << RANDOM_BITS


def moment_of(post_id):
    """When a post with this id was made, to the millisecond, in UTC."""
    return EPOCH + timedelta(milliseconds=post_id >> RANDOM_BITS)


def settled():
    """Return an expression for the id below which no new post can appear any more."""
    return IdNow(-SETTLING)
