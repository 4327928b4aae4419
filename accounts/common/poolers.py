"""Detects connection poolers such as pgbouncer, which give a client a PostgreSQL session for one transaction at a time.

A pooler rejects session options and loses cursors between transactions, so the settings must say that one is used.
"""

from django.db import connection

ADVICE = (
    "PostgreSQL is behind a connection pooler such as pgbouncer, but DATABASE_URL doesn't say so. "
    "Add ?pooler=transaction to it; see docs/deploy.md."
)


def is_refusal(error):
    """Return whether a pooler refused the connection because of session options."""
    return "unsupported startup parameter" in str(error)


def is_undeclared():
    """Return whether there is a pooler that the settings don't mention.

    PostgreSQL sends each client the id of its server process. Poolers send a different number instead.
    """
    if connection.vendor != "postgresql" or connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (process,) = cursor.fetchone()
    return connection.connection.info.backend_pid != process
