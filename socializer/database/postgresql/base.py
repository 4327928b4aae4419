"""Django's PostgreSQL backend with connections that observe the request's deadline.

The server's own timeouts are no substitute: they don't end a wait for a server that has stopped or for lost packets.
"""

from math import ceil, inf

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel

from accounts import deadlines

# A connection that does not answer within so many seconds is replaced before it is used.
HEALTH_CHECK_SECONDS = 2


class Connection(psycopg.Connection):
    """A connection that is closed if the deadline passes while it waits for the server."""

    def wait(self, gen, *args, **kwargs):
        """Do as psycopg does, but only until the deadline. Raises OperationalError then."""
        seconds = deadlines.remaining()
        if seconds == inf:
            return super().wait(gen, *args, **kwargs)
        try:
            refuse_after_deadline()
            return super().wait(gen, timeout=seconds)
        except psycopg.OperationalError as error:
            if not deadlines.has_passed():
                raise
            # An answer may still come, which nobody must take for that to another statement.
            self.close()
            raise psycopg.OperationalError(
                "The database did not answer within the request's time."
            ) from error


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params):
        # As Django's own method does; only the class of the connection is another.
        self.isolation_level = IsolationLevel.READ_COMMITTED
        seconds = deadlines.remaining()
        if seconds < conn_params.get("connect_timeout", inf):
            refuse_after_deadline()
            conn_params = conn_params | {"connect_timeout": ceil(seconds)}
        return Connection.connect(**conn_params)

    def is_usable(self):
        with deadlines.limit(min(HEALTH_CHECK_SECONDS, deadlines.remaining())):
            return super().is_usable()


def refuse_after_deadline():
    if deadlines.has_passed():
        raise psycopg.OperationalError("The request has waited for the database for as long as it may.")
