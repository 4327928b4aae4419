"""Limits how long the current request may wait for the database in total, across all its statements.

The connections in `socializer/database/` enforce this limit. Commands and the worker set no limit and wait for as long as the
server and the network allow.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic

# Seconds for a request that handles all data of a member, or many rows that a moderator has selected.
LONG = 60

_deadline = ContextVar("deadline", default=None)


class Deadline:
    """A number of seconds from the first use of the database. Slow uploads before that don't count."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.end = None

    def remaining(self):
        if self.end is None:
            self.end = monotonic() + self.seconds
        return self.end - monotonic()


@contextmanager
def limit(seconds):
    """Limit the block to `seconds`, regardless of any outer limit."""
    token = _deadline.set(Deadline(seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def extend(seconds=LONG):
    """Give the rest of the current request `seconds` from now. If the request has no limit, don't set one.

    Call it once all locks are held, so that waiting for locks keeps the usual limit.
    """
    deadline = _deadline.get()
    if deadline is not None:
        deadline.seconds, deadline.end = seconds, None


def remaining():
    """Return the number of seconds left: infinity without a limit, zero or less after the deadline."""
    deadline = _deadline.get()
    return inf if deadline is None else deadline.remaining()


def has_passed():
    return remaining() <= 0
