"""Django's SQLite backend, which notices when the database file is replaced or deleted while it is open.

A process that goes on writing to a deleted file loses everything that it acknowledges. So the file is compared with the path
before each query and each commit, which costs a microsecond, and is opened again if it is another one. A file that has
disappeared is never replaced by a new empty one.
"""

import logging
import os
from pathlib import Path

from django.db import OperationalError
from django.db.backends.sqlite3 import base, creation

from socializer.database.sqlite import presence

logger = logging.getLogger(__name__)


class DatabaseCreation(creation.DatabaseCreation):
    """Test databases come and go under the same name."""

    def _create_test_db(self, *args, **kwargs):
        name = super()._create_test_db(*args, **kwargs)
        self._forget(name)
        return name

    def _destroy_test_db(self, test_database_name, verbosity):
        super()._destroy_test_db(test_database_name, verbosity)
        self._forget(test_database_name)

    def _forget(self, name):
        if not self.is_in_memory_db(name):
            presence.lock_path(name).unlink(missing_ok=True)


class DatabaseWrapper(base.DatabaseWrapper):
    creation_class = DatabaseCreation
    # Device and inode of the file that this connection has open.
    file_id = None

    def get_new_connection(self, conn_params):
        if self.is_in_memory_db():
            return super().get_new_connection(conn_params)
        path = Path(self.settings_dict["NAME"]).absolute()
        # A site that has had a database never gets an empty one by accident.
        if presence.lock_path(path).exists():
            presence.share(path)
            if not path.exists():
                raise OperationalError(missing(path))
            conn_params = conn_params | {"database": f"{path.as_uri()}?mode=rw"}
        before = file_id(path)
        refuse_read_only(path)
        connection = super().get_new_connection(conn_params)
        try:
            connection.execute("PRAGMA schema_version")  # Opens the log and its index, too.
            refuse_read_only(path)
            presence.share(path)
            self.file_id = file_id(path)
            if self.file_id is None or before not in (None, self.file_id):
                raise OperationalError("The database file was replaced while it was being opened.")
        except BaseException:
            connection.close()
            raise
        return connection

    def ensure_connection(self):
        self._close_if_lost()
        super().ensure_connection()

    def close_if_unusable_or_obsolete(self):
        # Called before and after each request, where no error may be raised: opening the file again is left to the first query.
        self._close_if_lost()
        super().close_if_unusable_or_obsolete()

    def is_usable(self):
        # Django asks after an error. Whatever state it left the connection in, a new one takes a millisecond.
        return self.is_in_memory_db()

    def _close_if_lost(self):
        if self.connection is not None and not self.in_atomic_block and self._has_another_file():
            logger.error("The database file %s was replaced or deleted.", self.settings_dict["NAME"])
            self.close()

    def _commit(self):
        if self.connection is not None and self._has_another_file():
            raise OperationalError("The database file was replaced or deleted. Nothing was stored.")
        return super()._commit()

    def _has_another_file(self):
        return self.file_id is not None and file_id(self.settings_dict["NAME"]) != self.file_id


def file_id(path):
    """Return what tells a file from every other one, or None if there is no file at `path`."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def refuse_read_only(path):
    """Raise OperationalError if the file, its log or the log's index is there and can't be written.

    A process that opened one of them read-only can't write through any new connection until all its connections are closed at
    once, even if the files can be written by then.
    """
    for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        if each.exists() and not os.access(each, os.W_OK):
            raise OperationalError(
                f"{each} can't be written. Run this as the user who runs the site, and check the disk."
            )


def missing(path):
    return (
        f"The database file {path} is gone. Restore a backup with: manage.py restore FILE. "
        f"To begin with an empty database instead, delete {presence.lock_path(path)}."
    )
