"""Copying, checking and replacing a PostgreSQL database: pg_dump, pg_restore, and renamed databases."""

import copy
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.crypto import get_random_string
from psycopg import sql
from psycopg.conninfo import make_conninfo

from socializer.backups import BackupError
from socializer.backups.contents import picture_keys, read_contents
from socializer.environment import libpq_parameters

# How long to wait for a table that a migration or a command has locked.
LOCK_WAIT = "60s"
# The site's limits for pages, which are not meant for a backup.
LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")
# The databases that every server has. One can't be renamed by a connection to itself.
MAINTENANCE = ("postgres", "template1")
# In the names of databases.
TIME = "%Y%m%d_%H%M%S"
# The parameters whose values are lists of names. No catalogue tells; pg_dump knows the same ones.
LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}
ELEMENT = re.compile(r'"((?:[^"]|"")*)"|([^",\s]+)')
CHUNK = 1024 * 1024


class PostgreSQL:
    name = "postgresql"
    member = "database.dump"

    @property
    def live(self):
        name = self.settings["NAME"]
        if not name:
            raise BackupError(
                "DATABASE_URL names no database. Write its name into it, also beside a service."
            )
        return name

    @property
    def settings(self):
        """The database's settings: those of the server itself where the site uses a pooler, which may call it otherwise."""
        return connection.settings_dict | settings.BACKUP_DATABASE

    def connection_to(self, name):
        """Return a Django connection, not yet opened, to the database of that name."""
        own = connection.copy()
        own.settings_dict.update(copy.deepcopy(self.settings) | {"NAME": name})
        return own

    def size(self):
        """Return at most how many bytes a dump takes: it is compressed, and holds no indexes."""
        with self.connect(self.live) as database:
            return database.execute("SELECT pg_database_size(current_database())").fetchone()[0]

    @contextmanager
    def snapshot(self, folder):
        """Give a dump of the live database as it is now: its path, its Contents and its picture keys.

        Everything is read in one transaction, from one moment. The tables are locked against changes of the schema until the
        dump is made; should one have been committed just before, the dump is refused.
        """
        dump = Path(folder) / "database.dump"
        with explained("The database can't be read"), self.connect(self.live) as database:
            database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            database.read_only = True
            self._check_version(database, "pg_dump")
            contents = site_contents(database)
            snapshot = database.execute("SELECT pg_export_snapshot()").fetchone()[0]
            self.run(
                "pg_dump",
                self._dbname(self.live),
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                "--no-comments",
                f"--snapshot={snapshot}",
                f"--lock-wait-timeout={LOCK_WAIT}",
                f"--file={dump}",
            )
            with tempfile.TemporaryFile("w+", dir=folder) as keys:
                # Not read later from here: a long transaction keeps the server from tidying up.
                keys.writelines(f"{key}\n" for key in picture_keys(database))
                database.rollback()
                if site_contents(database, with_rows=False).migrations != contents.migrations:
                    raise BackupError("A migration ran during the backup. Try again when it is done.")
                database.rollback()
                keys.seek(0)
                yield dump, contents, (line.rstrip("\n") for line in keys)
        dump.unlink()

    @contextmanager
    def scratch(self, stream, folder):
        """Give the name and the Contents of a database made of `stream`. It is gone afterwards, unless it was renamed.

        Raises BackupError, and NoScratch if this user may not create databases.
        """
        name = f"{self._beginning}_check_{timezone.now():{TIME}}_{get_random_string(4).lower()}"
        with self.maintenance() as server:
            self._check_version(server, "pg_restore")
            try:
                server.execute(self._create(server, name))
            except psycopg.errors.InsufficientPrivilege as error:
                raise NoScratch from error
            try:
                self._restore(stream, name)
                with self.connect(name) as database:
                    contents = site_contents(database)
                yield name, contents
            finally:
                server.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )

    def remove_leftovers(self, age):
        """Drop the scratch databases that were made at least so long ago, a timedelta, and not dropped: a backup was killed."""
        pattern = re.compile(rf"{re.escape(self._beginning)}_check_(\d{{8}}_\d{{6}})_[a-z0-9]{{4}}")
        before = f"{timezone.now() - age:{TIME}}"
        with self.maintenance() as server:
            for (name,) in server.execute("SELECT datname FROM pg_database").fetchall():
                if (match := pattern.fullmatch(name)) and match[1] <= before:
                    with suppress(psycopg.errors.ObjectInUse):
                        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))

    def read_dump(self, stream):
        """Have pg_restore read all of a dump, without a database. Raises BackupError."""
        self.run("pg_restore", "--file=/dev/null", stream=stream)

    @contextmanager
    def alone(self):
        """Keep other restores away, and refuse if any other connection to the live database is open. Raises BackupError."""
        with self.maintenance() as server:
            key = f"socializer restore {self.live}"
            if not server.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [key]).fetchone()[0]:
                raise BackupError("Another restore is running.")
            self._refuse_if_in_use(server)
            yield

    def replace_by(self, name, report):
        """Rename the live database, if there is one, and that of this name to it, in one transaction.

        Returns the new name of the old database, or None. Calls `report` with what could not be carried over.
        """
        live, new = sql.Identifier(self.live), sql.Identifier(name)
        # A dump holds no statistics, and without them the first pages are planned badly.
        with self.connect(name, autocommit=True) as database:
            database.execute("ANALYZE")
        with self.maintenance() as server:
            kept = self._free_name(server)
            exists = self._exists(server)
            if exists:
                server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(live))
            try:
                self._refuse_if_in_use(server)
                with server.transaction():
                    if exists:
                        old = sql.Identifier(kept)
                        server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(live, old))
                        self._carry_settings(server, kept, name, report)
                    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, live))
            except psycopg.Error as error:
                raise BackupError(f"The databases can't be renamed: {first_line(error)}") from error
            finally:
                if exists:
                    current = kept if self._exists(server, kept) else self.live
                    server.execute(
                        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(current))
                    )
        return kept if exists else None

    # The server and its programs

    @contextmanager
    def maintenance(self):
        """Give a connection to another database of the server, where each statement is a transaction."""
        for name in MAINTENANCE:
            with suppress(BackupError):
                server = self.connect(name, autocommit=True)
                break
        else:
            server = self.connect(MAINTENANCE[0], autocommit=True)
        with explained("PostgreSQL refused"), server:
            yield server

    def connect(self, name, **options):
        """Connect to the database of that name, without the site's limits. Raises BackupError."""
        try:
            database = psycopg.connect(**self.connection_to(name).get_connection_params(), **options)
        except psycopg.Error as error:
            raise BackupError(f"PostgreSQL does not let us use {name}: {first_line(error)}") from error
        if database.info.backend_pid != database.execute("SELECT pg_backend_pid()").fetchone()[0]:
            database.close()
            raise BackupError(
                "DATABASE_URL is the address of a pooler, which backups can't use. Set BACKUP_DATABASE_URL to that of "
                "PostgreSQL itself."
            )
        for limit in LIMITS:
            database.execute(f"SET {limit} = 0")
        database.execute(f"SET lock_timeout = '{LOCK_WAIT}'")
        if not database.autocommit:
            database.commit()
        return database

    def run(self, program, *arguments, stream=None):
        """Run one of PostgreSQL's programs. Raises BackupError with what it says."""
        # Not among the arguments, which everyone on the machine can read.
        password = self._parameters(self.live).get("password")
        environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            process = subprocess.Popen(  # noqa: S603
                [found(program), "--no-password", *arguments],
                env=environment,
                stdin=subprocess.PIPE if stream else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
            try:
                if stream:
                    with process.stdin:
                        shutil.copyfileobj(stream, process.stdin, CHUNK)
            except BrokenPipeError:
                pass  # It has ended, and said why.
            except BaseException:
                process.kill()
                raise
            finally:
                process.wait()
            said.seek(0)
            if process.returncode:
                words = " ".join(said.read(2000).split()) or f"it ended with {process.returncode}"
                if "No space left" in words:
                    raise OSError(28, "No space left on device")
                raise BackupError(f"{program} failed: {words}")

    def _parameters(self, name):
        """Return everything that the client library is told to get to the database of that name."""
        parameters = self.connection_to(name).get_connection_params()
        # A dump keeps the database's own encoding.
        return {
            key: value for key, value in parameters.items() if key in libpq_parameters() - {"client_encoding"}
        }

    def _dbname(self, name):
        """Return the argument that has one of PostgreSQL's programs use the database of that name."""
        return f"--dbname={make_conninfo(**self._parameters(name) | {'password': None})}"

    @property
    def _beginning(self):
        """With what the names of databases begin that were made beside the live one: what is added fits into 63 bytes."""
        return self.live.encode()[:28].decode(errors="ignore")

    def _create(self, server, name):
        """Return the statement that creates an empty database like the live one, if there is one."""
        live = server.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = %s",
            [self.live],
        ).fetchone()
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        if live:
            statement += sql.SQL(" ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(*live)
        return statement

    def _restore(self, stream, name):
        self.run(
            "pg_restore",
            self._dbname(name),
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
            stream=stream,
        )

    def _exists(self, server, name=None):
        found = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name or self.live])
        return found.fetchone() is not None

    def _free_name(self, server):
        name = f"{self._beginning}_before_restore_{timezone.now():{TIME}}"
        numbered = (name + (f"_{number}" if number > 1 else "") for number in count(1))
        return next(name for name in numbered if not self._exists(server, name))

    def _refuse_if_in_use(self, server):
        others = server.execute(
            "SELECT application_name, client_addr::text, pid FROM pg_stat_activity "
            "WHERE datname = %s AND backend_type = 'client backend' ORDER BY pid LIMIT 5",
            [self.live],
        ).fetchall()
        if others:
            known = "; ".join(
                f"process {pid} of the server, {name or 'no name'} from {address or 'this machine'}"
                for name, address, pid in others
            )
            raise BackupError(
                f"Others are connected to the database ({known}). Stop the site on every machine: web servers, workers, "
                "commands, and a pooler."
            )

    def _carry_settings(self, server, old, new, report):
        """Give the new database the settings that belong to the old one, made by ALTER DATABASE ... SET, also for one role."""
        rows = server.execute(
            "SELECT r.rolname, unnest(s.setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase "
            "LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE d.datname = %s AND (s.setrole = 0 OR r.oid IS NOT NULL)",
            [old],
        ).fetchall()
        for role, setting in rows:
            key, _equals, value = setting.partition("=")
            database = sql.SQL("DATABASE {}").format(sql.Identifier(new))
            whose = sql.SQL("ROLE {} IN ").format(sql.Identifier(role)) if role else sql.SQL("")
            # A list is stored as its elements are written in SQL, everything else as it is.
            values = elements(value) if key.lower() in LISTS else [value]
            statement = sql.SQL("ALTER {}{} SET {} = {}").format(
                whose, database, sql.Identifier(key), sql.SQL(", ").join(map(sql.Literal, values))
            )
            try:
                with server.transaction():
                    server.execute(statement)
            except psycopg.Error as error:
                owner = f" of the role {role}" if role else ""
                report(
                    f"The database's setting {setting}{owner} was not carried over: {first_line(error)}. Ask a superuser."
                )

    def _check_version(self, database, program):
        """Raise BackupError if the program is missing, or older than the server."""
        server = database.info.server_version // 10000
        said = subprocess.run(  # noqa: S603
            [found(program), "--version"], capture_output=True, text=True, check=False
        ).stdout
        version = re.search(r"(\d+)(\.\d+)*", said)
        if version and int(version[1]) < server:
            raise BackupError(
                f"{program} has version {version[0]}, and the server {server}. Install the client programs of PostgreSQL "
                f"{server} on this machine."
            )


class NoScratch(BackupError):
    """This user may not create databases."""

    def __init__(self):
        super().__init__(
            "This database user may not create databases. Let it: ALTER ROLE ... CREATEDB, as a superuser."
        )


@contextmanager
def explained(words):
    """Turn errors of the driver into sentences."""
    try:
        yield
    except psycopg.Error as error:
        raise BackupError(f"{words}: {first_line(error)}") from error


def found(program):
    path = shutil.which(program)
    if path is None:
        raise BackupError(f"{program} is not installed. Install PostgreSQL's client programs.")
    return path


def site_contents(database, *, with_rows=True):
    tables = database.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    ).fetchall()
    return read_contents(database, [name for (name,) in tables], with_rows=with_rows)


def elements(value):
    """Return the elements of a list parameter, which is stored with quotes around those that need them."""
    return [quoted.replace('""', '"') or bare for quoted, bare in ELEMENT.findall(value)]


def first_line(error):
    return str(error).strip().partition("\n")[0]
