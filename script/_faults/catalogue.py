"""What can fail, and what the site may do meanwhile.

A fault begins, lasts for some seconds and ends. While it lasts, and until the site had time to recover, answers may be
503 with Retry-After if `unavailable`, and connections may be refused or cut if `refuses`. Everything else is an error
of the site.
"""

import os
import signal
import sqlite3
import time
from contextlib import ExitStack, closing, suppress

from .processes import Skipped, TrialError, run, send, wait_until

BOTH = ("sqlite", "postgresql")
SQLITE, POSTGRESQL = ("sqlite",), ("postgresql",)


class Fault:
    """One thing that fails. `trial` has the site, its engine and services, its crowd, and a generator of chance."""

    engines = BOTH
    seconds = 5
    brief_seconds = 3  # the same in the short form
    unavailable = False
    refuses = False
    longest = 10.0  # seconds that an answer may take; None: there is no bound
    repeats_email = (
        False  # A worker that loses the database between sending an email and recording it sends it again.
    )
    restarts_site = False

    def __init__(self, trial):
        self.trial = trial
        self.site, self.engine, self.rng = trial.site, trial.engine, trial.rng

    @classmethod
    def name(cls):
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__).strip(
            "-"
        )

    def check(self):
        """Raise Skipped if this machine cannot do it."""

    def begin(self):
        raise NotImplementedError

    def end(self):
        """Undo what `begin()` did. Called also if that failed."""


# Processes of the site


class WebProcessKilled(Fault):
    seconds = 0
    refuses = True

    def begin(self):
        os.kill(self.rng.choice(self.site.processes()["web"] or [self.site.one("web")]), signal.SIGKILL)


class JobWorkerKilled(Fault):
    seconds = 0
    repeats_email = True

    def begin(self):
        os.kill(self.site.one("worker"), signal.SIGKILL)


class JobWorkerFrozen(Fault):
    def begin(self):
        self.pid = self.site.one("worker")
        os.kill(self.pid, signal.SIGSTOP)

    def end(self):
        send([self.pid], signal.SIGCONT)


class WebServerKilled(Fault):
    """gunicorn's first process is killed; the supervisor ends, and whoever runs it starts it again."""

    seconds = 0
    refuses = True
    repeats_email = True
    restarts_site = True

    def begin(self):
        os.kill(self.site.one("master"), signal.SIGKILL)
        wait_until(lambda: self.site.process.poll() is not None, 60, "the supervisor ends with its server")

    def end(self):
        self.site.restart_after_end()


class SupervisorKilled(WebServerKilled):
    """What the supervisor has started lives on, without anybody to stop it."""

    def begin(self):
        self.site.process.kill()
        self.site.process.wait()


class Reloaded(Fault):
    """The site is reloaded five times under load, as after an upgrade. Nobody notices."""

    seconds = 0
    times, apart = 5, 3
    repeats_email = True

    def begin(self):
        for _time in range(self.times):
            self.before = set(self.site.processes()["web"])
            self.site.process.send_signal(signal.SIGHUP)
            wait_until(self._is_replaced, 60, "a reload replaces the web processes")
            time.sleep(self.apart)

    def _is_replaced(self):
        now = set(self.site.processes()["web"])
        if self.site.process.poll() is not None:
            raise TrialError("The supervisor ended on HUP.")
        return len(now - self.before) >= self.engine.web_processes

    def end(self):
        if self.site.process.poll() is not None:
            self.site.restart_after_end()


# PostgreSQL


class DatabaseRestarted(Fault):
    engines = POSTGRESQL
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
    """One connection's process is killed: PostgreSQL ends all others, and recovers."""

    engines = POSTGRESQL
    seconds = 0
    unavailable = True
    repeats_email = True

    def begin(self):
        os.kill(self.rng.choice(self.engine.backends()), signal.SIGKILL)

    def end(self):
        wait_until(self.engine.answers, 30, "PostgreSQL recovers")


class ConnectionsTerminated(Fault):
    """On a site at rest this finds out whether a page meets the dead connections of the pool."""

    engines = POSTGRESQL
    seconds = 0
    unavailable = True
    repeats_email = True

    def begin(self):
        self.engine.cut_sessions()


class TableLocked(Fault):
    engines = POSTGRESQL
    seconds = 15
    brief_seconds = 12
    unavailable = True
    tables = ("posts_post", "accounts_user", "django_session", "django_tasks_database_dbtaskresult")

    def begin(self):
        self.stack = ExitStack()
        connection = self.stack.enter_context(self.engine.connect())
        connection.execute(f"BEGIN; LOCK TABLE {self.rng.choice(self.tables)} IN ACCESS EXCLUSIVE MODE")

    def end(self):
        self.stack.close()


class StatementsSlow(Fault):
    """Whatever is written takes 15 s more."""

    engines = POSTGRESQL
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
    """As a standby is, or a primary that was demoted."""

    engines = POSTGRESQL
    seconds = 8
    unavailable = True
    repeats_email = True

    def begin(self):
        self._set("on")

    def end(self):
        self._set("off")

    def _set(self, state):
        self.engine.execute(f"ALTER ROLE site SET default_transaction_read_only = {state}")
        self.engine.cut_sessions()


class ConnectionsExhausted(Fault):
    """Others have taken all connections, and those of the site were cut."""

    engines = POSTGRESQL
    seconds = 8
    unavailable = True
    repeats_email = True

    def begin(self):
        import psycopg

        self.stack = ExitStack()
        self.engine.cut_sessions()
        with suppress(psycopg.Error):
            for _number in range(self.engine.connections_allowed):
                self.stack.enter_context(self.engine.connect())

    def end(self):
        self.stack.close()


class ColumnWidened(Fault):
    """A migration of a later release widens a column. Nothing may fail, but wait for its lock."""

    engines = POSTGRESQL
    columns = (("posts_post", "content"), ("accounts_user", "bio"), ("accounts_user", "display_name"))
    seconds = 3

    def begin(self):
        self.table, self.column = self.rng.choice(self.columns)
        ((self.length,),) = self.engine.rows(
            "SELECT character_maximum_length FROM information_schema.columns "  # noqa: S608 (our own words)
            f"WHERE table_name = '{self.table}' AND column_name = '{self.column}'"
        )
        self._alter(self.length + 1000)

    def end(self):
        self._alter(self.length)

    def _alter(self, length):
        self.engine.execute(f"ALTER TABLE {self.table} ALTER COLUMN {self.column} TYPE varchar({length})")


class DatabaseConnectionsFrozen(Fault):
    """The processes of the site's connections are stopped. No timeout of the server's can end that."""

    engines = POSTGRESQL
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
    engines = POSTGRESQL
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
    """DISCARD ALL on the site's connections, behind its back: prepared statements and session settings are gone."""

    engines = POSTGRESQL
    seconds = 0

    def begin(self):
        for _time in range(10):
            self.engine.network.discard()
            time.sleep(0.3)


class NetworkSlow(NetworkDropsPackets):
    seconds = 8

    def begin(self):
        self.engine.network.delay = 0.05


# SQLite


class FileLocked(Fault):
    engines = SQLITE
    seconds = 18
    brief_seconds = 12
    unavailable = True

    def begin(self):
        self.connection = self.engine.connect()
        self.connection.execute("BEGIN IMMEDIATE")

    def end(self):
        self.connection.close()


class FileReadOnly(Fault):
    engines = SQLITE
    seconds = 8
    unavailable = True
    repeats_email = True

    def check(self):
        probe = self.trial.scratch / "probe"
        probe.touch()
        try:
            self._change("+i", probe)
            self._change("-i", probe)
            self._change("+i", self.engine.file)
            self._change("-i", self.engine.file)
        except (TrialError, OSError) as error:
            raise Skipped("this file system cannot make a file immutable") from error

    def _change(self, flag, *files):
        run(["chattr", flag, *files], self.trial.scratch / "trial.log")

    def begin(self):
        self.files = [self.engine.file, self.engine.file.with_name(f"{self.engine.file.name}-wal")]
        self._change("+i", *self.files)

    def end(self):
        self._change("-i", *self.files)


class CheckpointStarved(Fault):
    """A reader that doesn't end keeps the log from being written back."""

    engines = SQLITE
    seconds = 15

    def begin(self):
        self.connection = self.engine.connect()
        self.connection.execute("BEGIN")
        self.connection.execute("SELECT count(*) FROM posts_post").fetchall()

    def end(self):
        self.connection.close()


class Vacuumed(Fault):
    engines = SQLITE
    seconds = 0
    unavailable = True

    def begin(self):
        with closing(self.engine.connect()) as connection, suppress(sqlite3.OperationalError):
            connection.execute("VACUUM")


class FileReplaced(Fault):
    """Somebody puts a copy in the place of the database's file while the site is at rest."""

    engines = SQLITE
    seconds = 5
    unavailable = True
    refuses = True  # The processes may have to start anew.
    repeats_email = True

    def begin(self):
        self.trial.crowd.pause()
        self.trial.settle(20)
        self._copy()
        for suffix in ("-wal", "-shm"):
            self.engine.file.with_name(f"{self.engine.file.name}{suffix}").unlink(missing_ok=True)
        self._replace()
        time.sleep(4)
        self.trial.crowd.resume()

    def _copy(self):
        self.copy = self.engine.file.with_name("copy.sqlite3")
        with closing(self.engine.connect()) as live, closing(sqlite3.connect(self.copy)) as copy:
            live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            live.backup(copy)

    def _replace(self):
        self.copy.rename(self.engine.file)

    def end(self):
        self.trial.crowd.resume()


class FileRemoved(FileReplaced):
    """The file is deleted, and comes back from a copy five seconds later."""

    def _replace(self):
        self.engine.file.unlink()
        time.sleep(5)
        self.copy.rename(self.engine.file)


# Both


class DiskFull(Fault):
    seconds = 8
    unavailable = True
    repeats_email = True

    def check(self):
        if not self.engine.disk.mounted:
            raise Skipped("only root can mount a small disk")

    def begin(self):
        self.engine.disk.fill()

    def end(self):
        self.engine.disk.empty()
        if self.engine.name == "postgresql":
            if self.engine.process.poll() is not None:
                self.engine.start_server()
            wait_until(self.engine.answers, 60, "PostgreSQL answers with room on its disk")


class CacheStopped(Fault):
    """Everything works without Redis."""

    seconds = 8

    def begin(self):
        self.trial.redis.kill()

    def end(self):
        self.trial.redis.start()


class CacheFrozen(Fault):
    seconds = 8

    def begin(self):
        self.trial.redis.freeze()

    def end(self):
        self.trial.redis.thaw()


class CacheEmptied(Fault):
    seconds = 0

    def begin(self):
        self.trial.redis.client().flushall()


class CacheOutOfMemory(Fault):
    def begin(self):
        self.trial.redis.client().config_set("maxmemory", "1mb")
        self.trial.redis.client().config_set("maxmemory-policy", "noeviction")
        self.trial.redis.client().config_set("maxmemory", "1")

    def end(self):
        self.trial.redis.client().config_set("maxmemory", "0")


class MailServerGone(Fault):
    seconds = 10

    def begin(self):
        self.trial.mail.stop()

    def end(self):
        self.trial.mail.start()


class MailServerBusy(Fault):
    seconds = 10
    mood = "451 4.3.0 Later"

    def begin(self):
        self.trial.mail.letters.mood = self.mood

    def end(self):
        self.trial.mail.letters.mood = None


class MailServerHangs(MailServerBusy):
    mood = "hang"


class PicturesAway(Fault):
    """The folder of pictures cannot be written: uploads are refused, everything else works."""

    unavailable = True

    def begin(self):
        self.site.media.mkdir(exist_ok=True)
        self.aside = self.site.media.with_name("media-aside")
        self.site.media.rename(self.aside)
        self.site.media.touch()

    def end(self):
        if self.aside.exists():
            self.site.media.unlink(missing_ok=True)
            self.aside.rename(self.site.media)


class BackupMade(Fault):
    """A backup under load disturbs nobody. The trial restores it at its end."""

    seconds = 0

    def begin(self):
        self.trial.back_up()


class EverythingAtOnce(Fault):
    """Not a fault but a crowd: people leave while others follow, block and post to them."""

    seconds = 0

    def begin(self):
        self.trial.race()


CATALOGUE = [
    WebProcessKilled,
    JobWorkerKilled,
    JobWorkerFrozen,
    WebServerKilled,
    SupervisorKilled,
    Reloaded,
    DatabaseRestarted,
    DatabaseCrashed,
    DatabaseProcessKilled,
    ConnectionsTerminated,
    TableLocked,
    StatementsSlow,
    DatabaseReadOnly,
    ConnectionsExhausted,
    ColumnWidened,
    DatabaseConnectionsFrozen,
    DatabaseFrozen,
    NetworkDropsPackets,
    NetworkCut,
    NetworkSlow,
    SessionsReset,
    FileLocked,
    FileReadOnly,
    CheckpointStarved,
    Vacuumed,
    FileReplaced,
    FileRemoved,
    DiskFull,
    CacheStopped,
    CacheFrozen,
    CacheEmptied,
    CacheOutOfMemory,
    MailServerGone,
    MailServerBusy,
    MailServerHangs,
    PicturesAway,
    BackupMade,
    EverythingAtOnce,
]
# Quick ones, for every change: one of each kind of mechanism.
SHORT = {
    "sqlite": [WebProcessKilled, JobWorkerKilled, FileLocked, CacheStopped, EverythingAtOnce],
    "postgresql": [DatabaseCrashed, ColumnWidened, TableLocked, CacheStopped, EverythingAtOnce],
}


def by_name(engine):
    """Return {name: class} of the faults that the engine can meet."""
    return {fault.name(): fault for fault in CATALOGUE if engine in fault.engines}
