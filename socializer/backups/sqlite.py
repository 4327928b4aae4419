"""Copies, checks and replaces a SQLite database with SQLite's backup interface and by renaming files."""

import os
import shutil
import sqlite3
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path

from django.db import connection
from django.utils import timezone

from accounts.jobs.worker import AnotherWorker, single_sqlite_worker
from socializer.backups import BackupError
from socializer.backups.contents import picture_keys, read_contents
from socializer.database.sqlite import presence

# The suffixes of a database's files in WAL mode.
SUFFIXES = ("", "-wal", "-shm")
HEADER = b"SQLite format 3\0"


class SQLite:
    name = "sqlite"
    member = "database.sqlite3"
    in_folder = True  # Scratch databases are files in a folder that the caller provides.

    @property
    def live(self):
        # Follow links, because the file may be on another disk.
        return Path(os.path.realpath(connection.settings_dict["NAME"]))

    def connection_to(self, path):
        """Return an unopened Django connection to the database at `path`."""
        own = connection.copy()
        own.settings_dict["NAME"] = path
        return own

    def size(self):
        """Return the approximate size of a copy of the database in bytes."""
        return sum(path.stat().st_size for path in files_of(self.live) if path.exists())

    @contextmanager
    def snapshot(self, folder):
        """Copy the live database as it is now. Yields the path of the copy, its Contents and its picture keys.

        In WAL mode, readers don't block writers, so everything is copied in one consistent step. A copy in several steps
        would start again after each write.
        """
        if not self.live.is_file():
            raise BackupError(f"There is no database at {self.live}.")
        copy = Path(folder) / "copy.sqlite3"
        try:
            with closing(open_database(self.live)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
                # This keeps the whole database in one file.
                target.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            raise as_backup_error(error, f"{self.live} can't be copied") from error
        with closing(open_database(copy)) as database:
            contents = checked_contents(database)
            yield copy, contents, picture_keys(database)
        copy.unlink()

    @contextmanager
    def scratch(self, stream, folder):
        """Copy `stream` into a new database. Yields its path and Contents, and deletes it afterwards unless it was renamed."""
        path = Path(folder) / "scratch.sqlite3"
        try:
            with path.open("wb") as file:
                shutil.copyfileobj(stream, file, 1024 * 1024)
            with closing(open_database(path)) as database:
                contents = checked_contents(database)
            yield path, contents
        except sqlite3.Error as error:
            raise as_backup_error(error, "The database in the backup is damaged") from error
        finally:
            for leftover in [*files_of(path), presence.lock_path(path)]:
                leftover.unlink(missing_ok=True)

    @contextmanager
    def exclusive_access(self):
        """Prevent other processes of the site from using the database. Raises BackupError if another process is using it."""
        self.live.parent.mkdir(parents=True, exist_ok=True)
        try:
            with presence.exclusive(self.live), single_sqlite_worker():
                yield
        except presence.InUse as error:
            pids = ", ".join(map(str, error.processes))
            raise BackupError(
                f"Other processes use the database{f' ({pids})' if pids else ''}. Stop the site: the web server, the worker "
                "and all commands."
            ) from error
        except AnotherWorker as error:
            raise BackupError("The worker is running. Stop the site first.") from error

    def remove_leftovers(self, age):
        """Do nothing, because scratch databases are in temporary folders."""

    def replace_by(self, path, report):
        """Replace the live database with the one at `path`. Returns the new path of the old database, or None.

        Each step renames a file, and is undone if a later one fails. If the machine crashes in between, there may be no live
        database, but never a mix of both. In that case, the restore can be run again.
        """
        with closing(open_database(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("PRAGMA journal_mode=DELETE")
        take_over_permissions(path, self.live if self.live.exists() else self.live.parent)
        sync(path)
        old_database = free_name(self.live)
        moves = [
            (old, new)
            for old, new in zip(files_of(self.live), files_of(old_database), strict=True)
            if old.exists()
        ]
        done = []
        try:
            for old, new in [*moves, (path, self.live)]:
                if new.exists():
                    raise BackupError(f"{new} already exists.")
                old.rename(new)
                done.append((old, new))
        except BaseException:
            for old, new in reversed(done):
                new.rename(old)
            raise
        sync(self.live.parent)
        return old_database if moves else None


def free_name(live):
    """Return an unused path for a database beside the live one."""
    name = f"{live.name}.before-restore-{timezone.now():%Y-%m-%d-%H%M%S}"
    numbered = (live.with_name(name + (f"-{number}" if number > 1 else "")) for number in count(1))
    return next(path for path in numbered if not any(map(Path.exists, files_of(path))))


def files_of(path):
    """Return the paths of all files that the database at `path` may have."""
    return [path.with_name(f"{path.name}{suffix}") for suffix in SUFFIXES]


def take_over_permissions(path, model):
    """Give the file the owner and permissions of the file or folder `model`, because root may restore another user's site."""
    status = model.stat()
    with suppress(PermissionError):
        os.chown(path, status.st_uid, status.st_gid)
    path.chmod(status.st_mode & 0o666 if model.is_file() else 0o600)


def open_database(path):
    """Open an existing database. Never creates one."""
    return sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=rw", uri=True, timeout=20)


def checked_contents(database):
    """Return the Contents of a database. Raises BackupError if it is damaged or belongs to another site."""
    try:
        result = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if result != "ok":
            raise BackupError(f"The database is damaged: {' '.join(result.split())}")
        if broken := database.execute("PRAGMA foreign_key_check").fetchone():
            raise BackupError(
                f"The database is damaged: a row of {broken[0]} refers to a missing row of {broken[2]}."
            )
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return read_contents(database, [name for name in tables if not name.startswith("sqlite_")])
    except sqlite3.Error as error:
        raise as_backup_error(error, "The database is damaged") from error


def as_backup_error(error, problem):
    """Return a BackupError that starts with `problem` for an error of SQLite, or an OSError if the disk is full."""
    if "disk is full" in str(error):
        return OSError(28, "No space left on device")
    return BackupError(f"{problem}: {error}.")


def sync(path):
    """Write the file or folder to the disk."""
    with suppress(PermissionError):
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
