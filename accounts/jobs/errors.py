"""Decides whether and when a failed job is tried again."""

import random
from datetime import timedelta

from django import db

from accounts.common.database_errors import is_conflict
from accounts.common.text import clean_line

# How long a job waits after each failure: about a day in all. After the last attempt it stays failed.
RETRY_DELAYS = [timedelta(seconds=s) for s in (10, 60, 300, 1800, 2 * 3600, 6 * 3600, 15 * 3600)]
# The database rolled the job back in favour of another transaction. Another attempt is likely to succeed immediately.
CONFLICT_DELAY = timedelta(seconds=1)
# Delays are lengthened at random by up to this fraction, so that many jobs aren't retried at the same time.
MAX_JITTER = 0.2

_tests = {}


def retry_delay(error, attempts):
    """Return how long a job waits for its next attempt, a timedelta, or None if it has failed for good.

    `error` is the exception that the last of its `attempts` raised.
    """
    if attempts > len(RETRY_DELAYS) or not is_transient(error):
        return None
    delay = CONFLICT_DELAY if is_conflict(error) else RETRY_DELAYS[max(attempts, 1) - 1]
    return delay * random.uniform(1, 1 + MAX_JITTER)


def is_transient(error):
    """Return whether a job that raised `error` can succeed later without a change to the code."""
    for exception_class in type(error).__mro__:
        if exception_class in _tests:
            return _tests[exception_class](error)
    return False


def transient_test(exception_class):
    """Decorate a function that returns whether an error of `exception_class`, or of a subclass, is transient.

    If several classes of an error have a test, the test of the most specific class decides. Rooms above this one
    register tests for the errors of their own services, such as a mail server.
    """

    def decorate(test):
        _tests[exception_class] = test
        return test

    return decorate


@transient_test(OSError)
def is_transient_os_error(error):
    """Return True, because a server that can't be reached or doesn't respond usually becomes available again."""
    return True


@transient_test(db.Error)
def is_transient_database_error(error):
    """Return True, because most database errors go away after a restart, a failover or a migration.

    A job whose row the database always rejects fails after its last attempt.
    """
    return True


@transient_test(SystemExit)
@transient_test(KeyboardInterrupt)
def is_transient_exit(error):
    """Return True, because the job ended when the worker was stopped, not because of a fault in the job."""
    return True


def describe(error):
    """Return the class and the message of an error on one line."""
    return clean_line(f"{type(error).__name__}: {error}")
