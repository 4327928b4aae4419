"""Decides which database errors justify a retry, and defines the error for members who have left."""

from django.db import DatabaseError, IntegrityError

# The SQLSTATE codes of serialization_failure and deadlock_detected in PostgreSQL.
CONFLICTS = {"40001", "40P01"}


class AccountGone(IntegrityError):
    """A member left or was suspended after the request or job that concerns them started.

    It is raised before a row that refers to them is written. When the request is repeated, they are no longer found.
    """


def sqlstate(error):
    """Return the SQLSTATE code of a database error, or None. SQLite has none."""
    return getattr(error.__cause__, "sqlstate", None)


def is_conflict(error):
    """Return whether the database rolled this transaction back in favour of another one.

    A retry is likely to succeed immediately.
    """
    return isinstance(error, DatabaseError) and sqlstate(error) in CONFLICTS


def is_worth_another_attempt(error):
    """Return whether repeating the request is likely to succeed immediately.

    This is the case after a conflict, or after a constraint violation that another, faster request caused.
    """
    return is_conflict(error) or isinstance(error, IntegrityError)
