"""PostgreSQL fails, its statements fail, or the network to it fails."""

import os
import signal
import time
from contextlib import ExitStack, suppress

from _faults.catalogue.base import Fault
from _faults.processes import send, wait_until


class DatabaseRestarted(Fault):
    engines = ("postgresql",)
    seconds = 2
    unavailable = True
    repeats_email = True
    stops_by = signal.SIGINT

    def begin(self):
        self.engine.stop_server(self.stops_by)

    def end(self):
        if self.engine.process.poll() is not None:
            self.engine.start_server()


class DatabaseCrashed(DatabaseRestarted):
    stops_by = signal.SIGQUIT


class DatabaseProcessKilled(Fault):
    """The process of one connection is killed. PostgreSQL ends all others and recovers."""

    engines = ("postgresql",)
    seconds = 0
    unavailable = True
    repeats_email = True

    def begin(self):
        os.kill(self.rng.choice(self.engine.backends()), signal.SIGKILL)

    def end(self):
        wait_until(self.engine.is_up, 30, "PostgreSQL recovers")


class ConnectionsTerminated(Fault):
    """All connections are closed. On an idle site, this shows whether dead connections in the pool make pages fail."""

    engines = ("postgresql",)
    seconds = 0
    unavailable = True
    repeats_email = True

    def begin(self):
        self.engine.close_sessions()


class TableLocked(Fault):
    engines = ("postgresql",)
    seconds = 15
    brief_seconds = 11
    unavailable = True
    tables = ("posts_post", "accounts_user", "django_session", "django_tasks_database_dbtaskresult")

    def begin(self):
        self.stack = ExitStack()
        connection = self.stack.enter_context(self.engine.connect())
        connection.execute(f"BEGIN; LOCK TABLE {self.rng.choice(self.tables)} IN ACCESS EXCLUSIVE MODE")

    def end(self):
        self.stack.close()


class StatementsSlow(Fault):
    """Inserting a post takes 15 s longer."""

    engines = ("postgresql",)
    seconds = 15
    unavailable = True

    def begin(self):
        self.engine.execute(
            "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN PERFORM pg_sleep(15); RETURN NEW; END'",
            "CREATE TRIGGER slow BEFORE INSERT ON posts_post FOR EACH ROW EXECUTE FUNCTION public.slow()",
        )

    def end(self):
        self.engine.execute("DROP FUNCTION IF EXISTS public.slow() CASCADE")


class DatabaseReadOnly(Fault):
    """The database is read-only, like a standby or a demoted primary."""

    engines = ("postgresql",)
    seconds = 8
    unavailable = True
    repeats_email = True

    def begin(self):
        self._set("on")

    def end(self):
        self._set("off")

    def _set(self, state):
        self.engine.execute(f"ALTER ROLE site SET default_transaction_read_only = {state}")
        self.engine.close_sessions()


class ConnectionsExhausted(Fault):
    """The site's connections are closed, and other programs then use all available connections."""

    engines = ("postgresql",)
    seconds = 8
    unavailable = True
    repeats_email = True

    def begin(self):
        import psycopg

        self.stack = ExitStack()
        self.engine.close_sessions()
        with suppress(psycopg.Error):
            for _number in range(self.engine.connections_allowed):
                self.stack.enter_context(self.engine.connect())

    def end(self):
        self.stack.close()


class ColumnWidened(Fault):
    """A migration of a later release widens a column. Requests may wait for its lock, but they must not fail."""

    engines = ("postgresql",)
    columns = (("posts_post", "content"), ("accounts_user", "bio"), ("accounts_user", "display_name"))
    seconds = 3

    def begin(self):
        self.table, self.column = self.rng.choice(self.columns)
        ((self.length,),) = self.engine.rows(
            "SELECT character_maximum_length FROM information_schema.columns "  # noqa: S608 (the values are from this module)
            f"WHERE table_name = '{self.table}' AND column_name = '{self.column}'"
        )
        self._alter(self.length + 1000)

    def end(self):
        self._alter(self.length)

    def _alter(self, length):
        self.engine.execute(f"ALTER TABLE {self.table} ALTER COLUMN {self.column} TYPE varchar({length})")


class DatabaseConnectionsFrozen(Fault):
    """The server processes of the site's connections are stopped. The server's own timeouts don't work in that case."""

    engines = ("postgresql",)
    seconds = 12
    unavailable = True
    longest = None

    def begin(self):
        self.pids = self.processes()
        send(self.pids, signal.SIGSTOP)

    def processes(self):
        return self.engine.backends()

    def end(self):
        send(self.pids, signal.SIGCONT)


class DatabaseFrozen(DatabaseConnectionsFrozen):
    def processes(self):
        return self.engine.processes()


class NetworkDropsPackets(Fault):
    engines = ("postgresql",)
    seconds = 15
    unavailable = True
    repeats_email = True

    def begin(self):
        self.engine.network.drop()

    def end(self):
        self.engine.network.restore()


class NetworkCut(NetworkDropsPackets):
    seconds = 0

    def begin(self):
        self.engine.network.cut()


class SessionsReset(Fault):
    """The site's database sessions are reset without notice. Prepared statements and session settings are lost."""

    engines = ("postgresql",)
    seconds = 0

    def begin(self):
        for _time in range(10):
            self.engine.network.discard()
            time.sleep(0.3)


class NetworkSlow(NetworkDropsPackets):
    seconds = 8

    def begin(self):
        self.engine.network.delay = 0.05
