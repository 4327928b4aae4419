"""Connection poolers such as pgbouncer, which assign a PostgreSQL session to a client for one transaction at a time.

Behind one, session options are refused at the start and cursors get lost between transactions: Django must know of it.
"""

from django.db import connection

ADVICE = (
    "A connection pooler such as pgbouncer stands in front of PostgreSQL, and DATABASE_URL does not say so. "
    "Add ?pooler=transaction to it; see docs/deploy.md."
)


def is_refusal(error):
    """Whether a pooler refused the connection, as it does not know of session options."""
    return "unsupported startup parameter" in str(error)


def is_unknown():
    """Whether there is a pooler that the settings do not know of.

    PostgreSQL tells each client the number of the process that serves it. Poolers tell a number of their own instead.
    """
    if connection.vendor != "postgresql" or connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (process,) = cursor.fetchone()
    return connection.connection.info.backend_pid != process
