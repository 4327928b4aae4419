"""How long the current request may wait for the database, in all its statements together.

The connections observe this: see socializer/database/. Where no limit is set, as in commands and the worker, they wait for
as long as the server and the network let them.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic

# How long a request may take that deals with all that a member has, or with many rows that a moderator chose, in seconds.
LONG = 60

_deadline = ContextVar("deadline", default=None)


class Deadline:
    """A number of seconds that begins with the first use of the database.

    Slow uploads and whatever else comes before that don't count.
    """

    def __init__(self, seconds):
        self.seconds = seconds
        self.end = None

    def remaining(self):
        if self.end is None:
            self.end = monotonic() + self.seconds
        return self.end - monotonic()


@contextmanager
def limit(seconds):
    """Limit what is inside to `seconds`, whatever the limit around it is."""
    token = _deadline.set(Deadline(seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def extend(seconds=LONG):
    """Give the current request, and what is still to be done after its view, `seconds` from now. Without a limit none is set.

    To be called once all locks are held, so that waits for others keep the usual limit.
    """
    deadline = _deadline.get()
    if deadline is not None:
        deadline.seconds, deadline.end = seconds, None


def remaining():
    """Return how many seconds are left, which is infinity without a limit, and zero or less after the deadline."""
    deadline = _deadline.get()
    return inf if deadline is None else deadline.remaining()


def has_passed():
    return remaining() <= 0
