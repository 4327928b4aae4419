"""Copies, checks and replaces a PostgreSQL database with pg_dump, pg_restore and ALTER DATABASE ... RENAME."""

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
# Limits that the site sets for page requests. They don't apply to backups.
LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")
# Databases that exist on every server. A database can't be renamed over a connection to that same database.
MAINTENANCE = ("postgres", "template1")
# The time format in the names of databases.
TIME = "%Y%m%d_%H%M%S"
# Parameters whose values are lists of names. No catalog table has this information, and pg_dump has the same list.
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
            raise BackupError("DATABASE_URL names no database. Add the name, even if the URL has a service.")
        return name

    @property
    def settings(self):
        """Return the settings for connecting directly to the server. A pooler may use another name for the database."""
        return connection.settings_dict | settings.BACKUP_DATABASE

    def connection_to(self, name):
        """Return an unopened Django connection to the database with that name."""
        own = connection.copy()
        own.settings_dict.update(copy.deepcopy(self.settings) | {"NAME": name})
        return own

    def size(self):
        """Return an upper limit for the size of a dump in bytes. Dumps are compressed and contain no indexes."""
        with self.connect(self.live) as database:
            return database.execute("SELECT pg_database_size(current_database())").fetchone()[0]

    @contextmanager
    def snapshot(self, folder):
        """Dump the live database as it is now. Yields the path of the dump, its Contents and its picture keys.

        Everything is read in one transaction, so the copy is consistent. The schema can't change until the dump is finished,
        and a dump is rejected if the schema changed just before.
        """
        dump = Path(folder) / "database.dump"
        with explain_errors("The database can't be read"), self.connect(self.live) as database:
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
                # Read all keys now, because a transaction that stays open would keep the server from vacuuming.
                keys.writelines(f"{key}\n" for key in picture_keys(database))
                database.rollback()
                if site_contents(database, with_rows=False).migrations != contents.migrations:
                    raise BackupError("A migration ran during the backup. Try again when it has finished.")
                database.rollback()
                keys.seek(0)
                yield dump, contents, (line.rstrip("\n") for line in keys)
        dump.unlink()

    @contextmanager
    def scratch(self, stream, folder):
        """Restore `stream` into a new database. Yields its name and Contents, and drops it afterwards unless it was renamed.

        Raises BackupError, and NoScratch if this user may not create databases.
        """
        name = f"{self._name_prefix}_check_{timezone.now():{TIME}}_{get_random_string(4).lower()}"
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
        """Drop scratch databases of killed backups that are at least `age` old, a timedelta."""
        pattern = re.compile(rf"{re.escape(self._name_prefix)}_check_(\d{{8}}_\d{{6}})_[a-z0-9]{{4}}")
        before = f"{timezone.now() - age:{TIME}}"
        with self.maintenance() as server:
            for (name,) in server.execute("SELECT datname FROM pg_database").fetchall():
                if (match := pattern.fullmatch(name)) and match[1] <= before:
                    with suppress(psycopg.errors.ObjectInUse):
                        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))

    def read_dump(self, stream):
        """Check that pg_restore can read the whole dump, without using a database. Raises BackupError."""
        self.run("pg_restore", "--file=/dev/null", stream=stream)

    @contextmanager
    def exclusive_access(self):
        """Prevent other restores. Raises BackupError if another connection to the live database is open."""
        with self.maintenance() as server:
            key = f"socializer restore {self.live}"
            if not server.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [key]).fetchone()[0]:
                raise BackupError("Another restore is running.")
            self._require_unused(server)
            yield

    def replace_by(self, name, report):
        """Replace the live database with the one called `name`, by renaming both in one transaction.

        Returns the new name of the old database, or None if there was none. Calls `report` with settings that couldn't be
        copied.
        """
        live, new = sql.Identifier(self.live), sql.Identifier(name)
        # Dumps contain no statistics, and queries are slow without statistics.
        with self.connect(name, autocommit=True) as database:
            database.execute("ANALYZE")
        with self.maintenance() as server:
            old_name = self._free_name(server)
            exists = self._exists(server)
            if exists:
                server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(live))
            try:
                self._require_unused(server)
                with server.transaction():
                    if exists:
                        old = sql.Identifier(old_name)
                        server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(live, old))
                        self._copy_settings(server, old_name, name, report)
                    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, live))
            except psycopg.Error as error:
                raise BackupError(f"The databases can't be renamed: {first_line(error)}") from error
            finally:
                if exists:
                    current = old_name if self._exists(server, old_name) else self.live
                    server.execute(
                        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(current))
                    )
        return old_name if exists else None

    # The server and its programs

    @contextmanager
    def maintenance(self):
        """Yield a connection to another database of the server, in autocommit mode."""
        for name in MAINTENANCE:
            with suppress(BackupError):
                server = self.connect(name, autocommit=True)
                break
        else:
            server = self.connect(MAINTENANCE[0], autocommit=True)
        with explain_errors("PostgreSQL refused"), server:
            yield server

    def connect(self, name, **options):
        """Connect to the database called `name` without the limits for pages. Raises BackupError."""
        try:
            database = psycopg.connect(**self.connection_to(name).get_connection_params(), **options)
        except psycopg.Error as error:
            raise BackupError(f"Can't connect to the database {name}: {first_line(error)}") from error
        if database.info.backend_pid != database.execute("SELECT pg_backend_pid()").fetchone()[0]:
            database.close()
            raise BackupError(
                "DATABASE_URL is the address of a pooler, which backups can't use. Set BACKUP_DATABASE_URL to the address "
                "of PostgreSQL itself."
            )
        for limit in LIMITS:
            database.execute(f"SET {limit} = 0")
        database.execute(f"SET lock_timeout = '{LOCK_WAIT}'")
        if not database.autocommit:
            database.commit()
        return database

    def run(self, program, *arguments, stream=None):
        """Run one of PostgreSQL's programs. Raises BackupError with its output."""
        # All users of the machine can read the arguments, so they don't include the password.
        password = self._parameters(self.live).get("password")
        environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            process = subprocess.Popen(  # noqa: S603
                [path_of(program), "--no-password", *arguments],
                env=environment,
                stdin=subprocess.PIPE if stream else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=output,
            )
            try:
                if stream:
                    with process.stdin:
                        shutil.copyfileobj(stream, process.stdin, CHUNK)
            except BrokenPipeError:
                pass  # The program exited early. Its output explains why.
            except BaseException:
                process.kill()
                raise
            finally:
                process.wait()
            output.seek(0)
            if process.returncode:
                message = " ".join(output.read(2000).split()) or f"its exit code is {process.returncode}"
                if "No space left" in message:
                    raise OSError(28, "No space left on device")
                raise BackupError(f"{program} failed: {message}")

    def _parameters(self, name):
        """Return the client library's parameters for connecting to the database called `name`."""
        parameters = self.connection_to(name).get_connection_params()
        # A dump keeps the encoding of the database.
        return {
            key: value for key, value in parameters.items() if key in libpq_parameters() - {"client_encoding"}
        }

    def _dbname(self, name):
        """Return the argument that makes PostgreSQL's programs use the database called `name`."""
        return f"--dbname={make_conninfo(**self._parameters(name) | {'password': None})}"

    @property
    def _name_prefix(self):
        """Return the prefix of the names of scratch and old databases. Full names must fit in 63 bytes."""
        return self.live.encode()[:28].decode(errors="ignore")

    def _create(self, server, name):
        """Return the statement that creates an empty database, with the encoding and locale of the live one if it exists."""
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
        rows = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name or self.live])
        return rows.fetchone() is not None

    def _free_name(self, server):
        name = f"{self._name_prefix}_before_restore_{timezone.now():{TIME}}"
        numbered = (name + (f"_{number}" if number > 1 else "") for number in count(1))
        return next(name for name in numbered if not self._exists(server, name))

    def _require_unused(self, server):
        others = server.execute(
            "SELECT application_name, client_addr::text, pid FROM pg_stat_activity "
            "WHERE datname = %s AND backend_type = 'client backend' ORDER BY pid LIMIT 5",
            [self.live],
        ).fetchall()
        if others:
            connections = "; ".join(
                f"server process {pid}, {name or 'no name'} from {address or 'this machine'}"
                for name, address, pid in others
            )
            raise BackupError(
                f"The database has other connections ({connections}). Stop the site on every machine: web servers, workers, "
                "commands and poolers."
            )

    def _copy_settings(self, server, old, new, report):
        """Copy the settings from ALTER DATABASE ... SET and ALTER ROLE ... IN DATABASE ... SET to the new database."""
        rows = server.execute(
            "SELECT r.rolname, unnest(s.setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase "
            "LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE d.datname = %s AND (s.setrole = 0 OR r.oid IS NOT NULL)",
            [old],
        ).fetchall()
        for role, setting in rows:
            key, _equals, value = setting.partition("=")
            database = sql.SQL("DATABASE {}").format(sql.Identifier(new))
            whose = sql.SQL("ROLE {} IN ").format(sql.Identifier(role)) if role else sql.SQL("")
            # Lists are stored in SQL syntax. All other values are stored as plain text.
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
                    f"The database setting {setting}{owner} was not copied: {first_line(error)}. Ask a superuser."
                )

    def _check_version(self, database, program):
        """Raise BackupError if the program is missing or older than the server."""
        server = database.info.server_version // 10000
        output = subprocess.run(  # noqa: S603
            [path_of(program), "--version"], capture_output=True, text=True, check=False
        ).stdout
        version = re.search(r"(\d+)(\.\d+)*", output)
        if version and int(version[1]) < server:
            raise BackupError(
                f"{program} has version {version[0]}, but the server has {server}. Install the client programs of PostgreSQL "
                f"{server} on this machine."
            )


class NoScratch(BackupError):
    """This user may not create databases."""

    def __init__(self):
        super().__init__(
            "This database user may not create databases. As a superuser, run ALTER ROLE ... CREATEDB."
        )


@contextmanager
def explain_errors(problem):
    """Turn errors of the driver into BackupErrors that start with `problem`."""
    try:
        yield
    except psycopg.Error as error:
        raise BackupError(f"{problem}: {first_line(error)}") from error


def path_of(program):
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
    """Return the elements of a list parameter. Elements are quoted only if they need quotes."""
    return [quoted.replace('""', '"') or bare for quoted, bare in ELEMENT.findall(value)]


def first_line(error):
    return str(error).strip().partition("\n")[0]
