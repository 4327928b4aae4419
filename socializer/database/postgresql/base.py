"""Django's PostgreSQL backend with connections that observe the request's deadline.

The server's own timeouts are not enough, because they have no effect if the server has stopped or packets are lost.
"""

from math import ceil, inf

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel

from accounts.common import deadlines

# A connection that doesn't answer within this many seconds is replaced before it is used.
HEALTH_CHECK_SECONDS = 2


class Connection(psycopg.Connection):
    """A connection that is closed if the deadline passes while it waits for the server."""

    def wait(self, gen, *args, **kwargs):
        """Wait as psycopg does, but raise OperationalError at the deadline."""
        seconds = deadlines.remaining()
        if seconds == inf:
            return super().wait(gen, *args, **kwargs)
        try:
            refuse_after_deadline()
            return super().wait(gen, timeout=seconds)
        except psycopg.OperationalError as error:
            if not deadlines.has_passed():
                raise
            # The response may still arrive. It must not be mistaken for the response to another statement.
            self.close()
            raise psycopg.OperationalError(
                "The database didn't answer before the request's deadline."
            ) from error


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params):
        # This is the same as Django's method, but with our connection class.
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
        raise psycopg.OperationalError("The request's deadline has passed.")
