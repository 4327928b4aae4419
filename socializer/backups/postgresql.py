"""Copying, checking and replacing a PostgreSQL database: pg_dump, pg_restore, and renamed databases."""

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
from django.db.backends.postgresql.client import DatabaseClient
from django.utils import timezone
from django.utils.crypto import get_random_string
from psycopg import sql

from socializer.backups import BackupError
from socializer.backups.contents import picture_keys, read_contents

# How long to wait for a table that a migration or a command has locked.
LOCK_WAIT = "60s"
# The site's limits for pages, which are not meant for a backup.
LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")
# The databases that every server has. One can't be renamed by a connection to itself.
MAINTENANCE = ("postgres", "template1")
CHUNK = 1024 * 1024


class PostgreSQL:
    name = "postgresql"
    member = "database.dump"

    @property
    def live(self):
        return self.settings["NAME"]

    @property
    def settings(self):
        """The database's settings, with the address of the server itself where the site uses a pooler."""
        return (
            connection.settings_dict | settings.BACKUP_DATABASE | {"NAME": connection.settings_dict["NAME"]}
        )

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
        name = f"{self.live[:30]}_check_{timezone.now():%Y%m%d_%H%M%S}_{get_random_string(4).lower()}"
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

    def replace_by(self, name):
        """Rename the live database, if there is one, and that of this name to it, in one transaction.

        Returns the new name of the old database, or None.
        """
        live, new = sql.Identifier(self.live), sql.Identifier(name)
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
                        self._carry_settings(server, kept, name)
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
        own = self._wrapper(name)
        try:
            database = psycopg.connect(**own.get_connection_params(), **options)
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

    def run(self, program, *arguments, database=None, stream=None):
        """Run one of PostgreSQL's programs on the live database, or on another one. Raises BackupError with what it says."""
        own = self._wrapper(database or self.live).settings_dict
        _arguments, environment = DatabaseClient.settings_to_cmd_args_env(own, [])
        places = {
            "PGHOST": own["HOST"],
            "PGPORT": own["PORT"],
            "PGUSER": own["USER"],
            "PGDATABASE": own["NAME"],
        }
        # In the environment: everyone on the machine can read the arguments.
        environment = (
            os.environ | (environment or {}) | {key: str(value) for key, value in places.items() if value}
        )
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            process = subprocess.Popen(  # noqa: S603
                [found(program), *arguments],
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

    def _wrapper(self, name):
        own = connection.copy(alias="backup")
        own.settings_dict.update(self.settings | {"NAME": name})
        return own

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
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={name}",
            database=name,
            stream=stream,
        )

    def _exists(self, server, name=None):
        found = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name or self.live])
        return found.fetchone() is not None

    def _free_name(self, server):
        name = f"{self.live[:30]}_before_restore_{timezone.now():%Y%m%d_%H%M%S}"
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

    def _carry_settings(self, server, old, new):
        """Give the new database the settings that belong to the old one, made by ALTER DATABASE ... SET."""
        rows = server.execute(
            "SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase "
            "WHERE d.datname = %s AND s.setrole = 0",
            [old],
        ).fetchall()
        for (setting,) in rows:
            key, _equals, value = setting.partition("=")
            server.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    sql.Identifier(new), sql.Identifier(key), value
                )
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


def first_line(error):
    return str(error).strip().partition("\n")[0]
