"""Copying, checking and replacing a SQLite database: its own backup interface, and renamed files."""

import os
import shutil
import sqlite3
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path

from django.db import connection
from django.utils import timezone

from accounts.jobs.worker import AnotherWorker, only_one_on_sqlite
from socializer.backups import BackupError
from socializer.backups.contents import picture_keys, read_contents
from socializer.database.sqlite import presence

# What SQLite keeps beside a database in WAL mode.
COMPANIONS = ("", "-wal", "-shm")
HEADER = b"SQLite format 3\0"


class SQLite:
    name = "sqlite"
    member = "database.sqlite3"
    in_folder = True  # Scratch databases are files in a folder of the caller's.

    @property
    def live(self):
        # The file itself, where the path is a link to it: it may be on another disk.
        return Path(os.path.realpath(connection.settings_dict["NAME"]))

    def connection_to(self, path):
        """Return a Django connection, not yet opened, to the database at `path`."""
        own = connection.copy()
        own.settings_dict["NAME"] = path
        return own

    def size(self):
        """Return about how many bytes a copy of the database takes."""
        return sum(path.stat().st_size for path in companions(self.live) if path.exists())

    @contextmanager
    def snapshot(self, folder):
        """Give a copy of the live database as it is now: its path, its Contents and its picture keys.

        Readers don't hold up writers in WAL mode, so all is copied in one step, from one moment. Copying in several steps
        would begin again after each write.
        """
        if not self.live.is_file():
            raise BackupError(f"There is no database at {self.live}.")
        copy = Path(folder) / "copy.sqlite3"
        try:
            with closing(open_database(self.live)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
                # In one file, without companions.
                target.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            raise explained(error, f"{self.live} can't be copied") from error
        with closing(open_database(copy)) as database:
            contents = checked_contents(database)
            yield copy, contents, picture_keys(database)
        copy.unlink()

    @contextmanager
    def scratch(self, stream, folder):
        """Give the path and the Contents of a database made of `stream`. It is gone afterwards, unless it was renamed."""
        path = Path(folder) / "scratch.sqlite3"
        try:
            with path.open("wb") as file:
                shutil.copyfileobj(stream, file, 1024 * 1024)
            with closing(open_database(path)) as database:
                contents = checked_contents(database)
            yield path, contents
        except sqlite3.Error as error:
            raise explained(error, "The database in it is damaged") from error
        finally:
            for leftover in [*companions(path), presence.lock_path(path)]:
                leftover.unlink(missing_ok=True)

    @contextmanager
    def alone(self):
        """Keep every other process of the site away. Raises BackupError if there is one."""
        self.live.parent.mkdir(parents=True, exist_ok=True)
        try:
            with presence.alone(self.live), only_one_on_sqlite():
                yield
        except presence.InUse as error:
            pids = ", ".join(map(str, error.processes))
            raise BackupError(
                f"Other processes use the database{f' ({pids})' if pids else ''}. Stop the site: the web server, the worker "
                "and every command."
            ) from error
        except AnotherWorker as error:
            raise BackupError("The worker is running. Stop the site first.") from error

    def remove_leftovers(self, age):
        """Scratch databases are in folders, which are removed with all that is in them."""

    def replace_by(self, path, report):
        """Put the database at `path` in the place of the live one. Returns the path to which the old one was moved, or None.

        Every step is a renaming, and is undone if a later one fails. A machine that goes down in the middle leaves no
        database in place, never a mixed one: do the restore again.
        """
        with closing(open_database(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("PRAGMA journal_mode=DELETE")
        take_over_permissions(path, self.live if self.live.exists() else self.live.parent)
        sync(path)
        kept = free_name(self.live)
        moves = [
            (old, new)
            for old, new in zip(companions(self.live), companions(kept), strict=True)
            if old.exists()
        ]
        done = []
        try:
            for old, new in [*moves, (path, self.live)]:
                if new.exists():
                    raise BackupError(f"{new} is there already.")
                old.rename(new)
                done.append((old, new))
        except BaseException:
            for old, new in reversed(done):
                new.rename(old)
            raise
        sync(self.live.parent)
        return kept if moves else None


def free_name(live):
    """Return a path beside the live database, and for its companions, that nothing has yet."""
    name = f"{live.name}.before-restore-{timezone.now():%Y-%m-%d-%H%M%S}"
    numbered = (live.with_name(name + (f"-{number}" if number > 1 else "")) for number in count(1))
    return next(path for path in numbered if not any(map(Path.exists, companions(path))))


def companions(path):
    return [path.with_name(f"{path.name}{ending}") for ending in COMPANIONS]


def take_over_permissions(path, model):
    """Let the file belong to whom the file or folder `model` belongs: root may restore what another user runs."""
    status = model.stat()
    with suppress(PermissionError):
        os.chown(path, status.st_uid, status.st_gid)
    path.chmod(status.st_mode & 0o666 if model.is_file() else 0o600)


def open_database(path):
    """Open an existing database, whatever its name; never make one."""
    return sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=rw", uri=True, timeout=20)


def checked_contents(database):
    """Return the Contents of a database. Raises BackupError if it is damaged or not this site's."""
    try:
        found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise BackupError(f"The database is damaged: {' '.join(found.split())}")
        if broken := database.execute("PRAGMA foreign_key_check").fetchone():
            raise BackupError(
                f"The database is damaged: a row of {broken[0]} refers to no row of {broken[2]}."
            )
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return read_contents(database, [name for name in tables if not name.startswith("sqlite_")])
    except sqlite3.Error as error:
        raise explained(error, "The database is damaged") from error


def explained(error, words):
    if "disk is full" in str(error):
        return OSError(28, "No space left on device")
    return BackupError(f"{words}: {error}.")


def sync(path):
    """Have the file or folder reach the disk."""
    with suppress(PermissionError):
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
