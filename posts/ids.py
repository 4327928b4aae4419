"""Ids that order posts by time: milliseconds since 2015-01-01 UTC, shifted by 12 bits, plus 12 random bits.

One number serves as key, order and cursor. It has 53 bits until 2084, so that JavaScript and Redis scores hold it
exactly. See docs/timelines.md for what it saves against a serial number and a date.
"""

import random
from datetime import UTC, datetime, timedelta

from django.utils import timezone

EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
RANDOM_BITS = 12
MAX_ID = 2**53 - 1

# An id is made a little before its transaction commits. Within this time a post can still appear below a newer one.
SETTLING = timedelta(seconds=2)


def new_id():
    """An id for a post made now. Two made in the same millisecond are equal once in 4,096 times."""
    return first_id_at(timezone.now()) | random.getrandbits(RANDOM_BITS)


def first_id_at(moment):
    """The lowest id that a post made in the millisecond of `moment` can have."""
    return ((moment - EPOCH) // timedelta(milliseconds=1)) << RANDOM_BITS


def moment_of(post_id):
    """When a post with this id was made, to the millisecond, in UTC."""
    return EPOCH + timedelta(milliseconds=post_id >> RANDOM_BITS)


def settled_id():
    """The id below which no new post can appear any more."""
    return first_id_at(timezone.now() - SETTLING)
