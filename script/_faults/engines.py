"""The two database engines. The trial starts a database on one engine, reads it while the site uses it, and makes it fail."""

import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from _faults.processes import TrialError, end, family, run, send, start, wait_until
from _faults.services import HOST, Ballast, Network

# The space for the database, its log, and everything that a trial writes, in megabytes.
SMALL_DISK = 600


class Sqlite:
    name = "sqlite"
    web_processes = 1

    def __init__(self, scratch):
        self.scratch = scratch
        self.disk = Ballast(scratch / "disk", SMALL_DISK)
        self.file = self.disk.folder / "site.sqlite3"
        self.url = f"sqlite:///{self.file}"
        self.copy_url = f"sqlite:///{self.disk.folder / 'restored.sqlite3'}"

    def start(self):
        self.disk.mount(self.scratch / "trial.log")

    def stop(self):
        self.disk.unmount(self.scratch / "trial.log")

    def rows(self, query, copy=False):
        """Return the rows of a query on the database or on the restored copy."""
        file = self.disk.folder / "restored.sqlite3" if copy else self.file
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query).fetchall()

    def connect(self):
        """Open a separate connection for the trial, without implicit transactions."""
        return sqlite3.connect(self.file, timeout=30, isolation_level=None, check_same_thread=False)

    def need_room(self):
        """Make the database need more disk space. With SQLite, every write does this."""

    def recover(self):
        """Restart a server that stopped because the disk was full. SQLite has no server."""

    def connections(self):
        return None  # The open files are counted instead.

    def add_copy(self):
        """Create an empty database for the restored copy. With SQLite, the restore creates the file."""


class Postgresql:
    name = "postgresql"
    web_processes = 2
    connections_allowed = 60

    def __init__(self, scratch):
        self.scratch = scratch
        self.log = scratch / "postgresql.log"
        self.disk = Ballast(scratch / "disk", SMALL_DISK)
        self.data = self.disk.folder / "data"
        self.sockets = scratch / "sockets"
        self.network = Network(self.sockets / ".s.PGSQL.5432")
        self.url = f"postgres://site:site@{HOST}:{self.network.port}/site"
        self.copy_url = f"postgres://site:site@{HOST}:{self.network.port}/restored"
        # PostgreSQL refuses to run as root.
        self.user = unprivileged_user() if os.geteuid() == 0 else None
        self.process = None

    def start(self):
        self.disk.mount(self.log)
        for folder in (self.data, self.sockets):
            folder.mkdir(mode=0o700)
            if self.user:
                shutil.chown(folder, self.user, self.user)
        command = [binary("initdb"), "--pgdata", self.data, "--username", "owner", "--auth", "trust"]
        run([*command, "--encoding", "UTF8", "--no-sync"], self.log, user=self.user)
        self.start_server()
        self.network.start()
        with self.connect("postgres") as connection:
            # The role isn't a superuser, because superusers have reserved connections.
            connection.execute("CREATE ROLE site LOGIN CREATEDB")
            connection.execute("CREATE DATABASE site OWNER site")

    def start_server(self):
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.sockets,
            "max_connections": self.connections_allowed,
            "max_wal_size": "128MB",
            "min_wal_size": "32MB",
            "wal_keep_size": "0",
            "shared_buffers": "64MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = start([binary("postgres"), "-D", self.data, *options], self.log, user=self.user)
        wait_until(self.is_up, 60, "PostgreSQL is up")

    def is_up(self):
        import psycopg

        if self.process.poll() is not None:
            raise TrialError(f"PostgreSQL ended:\n{self.log.read_text()[-2000:]}")
        try:
            with self.connect("postgres"):
                return True
        except psycopg.Error:
            return False

    def need_room(self):
        """Make the database need more disk space by writing more log than it keeps for reuse."""
        import psycopg

        with suppress(psycopg.Error), self.connect() as connection:
            for _number in range(100):
                connection.execute("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000))")

    def recover(self):
        """Restart a server that stopped because the disk was full."""
        time.sleep(1)  # It may be shutting down.
        if self.process.poll() is not None:
            self.start_server()
        wait_until(self.is_up, 60, "PostgreSQL is up after disk space was freed")

    def stop_server(self, signum=signal.SIGINT):
        """Stop the server. SIGINT ends all sessions and writes everything to disk. SIGQUIT is a crash."""
        self.process.send_signal(signum)
        self.process.wait(60)

    def stop(self):
        self.network.stop()
        if self.process:
            send(self.processes(), signal.SIGCONT)
            self.process.send_signal(signal.SIGQUIT)
            end(self.process, 10)
        self.disk.unmount(self.log)

    def processes(self):
        """Return the process ids of the server: first the main process, then connections and background processes."""
        return family(self.process.pid)

    def backends(self):
        """Return the process ids of the site's connections."""
        query = "SELECT pid FROM pg_stat_activity WHERE usename = 'site'"
        return [pid for (pid,) in self.rows(query)]

    @contextmanager
    def connect(self, database="site", **options):
        """Connect as the owner of the cluster, without the network of the trial. Each statement is committed."""
        import psycopg

        with closing(
            psycopg.connect(
                host=str(self.sockets),
                user="owner",
                dbname=database,
                autocommit=True,
                connect_timeout=5,
                **options,
            )
        ) as connection:
            yield connection

    def rows(self, query, copy=False):
        """Return the rows of a query on the database or on the restored copy."""
        with self.connect("restored" if copy else "site") as connection:
            return connection.execute(query).fetchall()

    def execute(self, *statements):
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def close_sessions(self):
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'site'")

    def connections(self):
        """Return the number of the site's open connections."""
        return len(self.backends())

    def add_copy(self):
        """Create an empty database for the restored copy."""
        self.execute("CREATE DATABASE restored OWNER site")


def unprivileged_user():
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def binary(name):
    """Return the path of one of PostgreSQL's programs. Debian doesn't put them on the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = shutil.which(name) or (installed and installed[-1])
    if not found:
        raise TrialError(f"{name} of PostgreSQL is not installed.")
    return found


ENGINES = {engine.name: engine for engine in (Sqlite, Postgresql)}
