"""Which database errors are worth another attempt, and who is gone."""

from django.db import DatabaseError, IntegrityError

# SQLSTATE codes, in PostgreSQL's table of error codes: serialization_failure and deadlock_detected.
CONFLICTS = {"40001", "40P01"}


class AccountGone(IntegrityError):
    """A member has left, or was suspended, after the request or job that concerns them began.

    Raised before anything is written that would refer to them. The same request again is answered like any other after
    they left: it finds no session or no such person.
    """


def sqlstate(error):
    """Return the SQLSTATE code of a database error, or None. SQLite has none."""
    return getattr(error.__cause__, "sqlstate", None)


def is_conflict(error):
    """Whether the database chose this transaction to fail, so that another one could go on.

    All of it was rolled back. The same again is likely to succeed at once.
    """
    return isinstance(error, DatabaseError) and sqlstate(error) in CONFLICTS


def is_worth_another_attempt(error):
    """Whether the same request is likely to get a proper answer at once.

    After a conflict, if another one stored the same first, or if what a row was to refer to has been deleted meanwhile.
    """
    return is_conflict(error) or isinstance(error, IntegrityError)
