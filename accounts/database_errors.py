"""What an error of the database means for whoever met it."""

from django.db import DatabaseError, IntegrityError

# SQLSTATE codes, in PostgreSQL's table of error codes: serialization_failure and deadlock_detected.
CONFLICTS = {"40001", "40P01"}
FOREIGN_KEY_VIOLATION = "23503"


class AccountGone(IntegrityError):
    """A member has left, or was suspended, after the request or job that concerns them began.

    Raised before anything is written that would refer to them. The same request again is answered like any other after
    they left: it finds no session or no such person.
    """


def sqlstate(error):
    """Return the SQLSTATE code of a database error, or None. SQLite has none."""
    return getattr(error.__cause__, "sqlstate", None)


def is_conflict(error):
    """Whether the transaction failed because of another one that ran at the same time.

    All of it was rolled back. The same again gets a proper answer at once.
    """
    return isinstance(error, DatabaseError) and (sqlstate(error) in CONFLICTS or is_lost_reference(error))


def is_lost_reference(error):
    """Whether a row refers to one that was deleted meanwhile, or is to be deleted while another has come to refer to it."""
    if not isinstance(error, IntegrityError):
        return False
    sqlite_name = getattr(error.__cause__, "sqlite_errorname", None)
    return (
        isinstance(error, AccountGone)
        or sqlstate(error) == FOREIGN_KEY_VIOLATION
        or sqlite_name == "SQLITE_CONSTRAINT_FOREIGNKEY"
    )


def is_worth_another_attempt(error):
    """Whether the same request is likely to succeed at once: after a conflict, or if another one stored the same first."""
    return is_conflict(error) or isinstance(error, IntegrityError)
