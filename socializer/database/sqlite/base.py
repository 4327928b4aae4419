"""Django's SQLite backend, extended to detect when the open database file is replaced or deleted.

A process that keeps writing to a deleted file loses everything it stores. So each query and commit first checks that the path
still leads to the open file, which takes a microsecond, and otherwise opens the new file. A missing file is never replaced by
a new, empty one.
"""

import logging
import os
from pathlib import Path

from django.db import OperationalError
from django.db.backends.sqlite3 import base, creation

from socializer.database.sqlite import presence

logger = logging.getLogger(__name__)


class DatabaseCreation(creation.DatabaseCreation):
    """Removes the lock files of test databases, which are created and deleted under the same name."""

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
    # The device and inode of the open file.
    file_id = None

    def get_new_connection(self, conn_params):
        if self.is_in_memory_db():
            return super().get_new_connection(conn_params)
        path = Path(self.settings_dict["NAME"]).absolute()
        # A site that had a database must not get an empty one by mistake.
        if presence.lock_path(path).exists():
            presence.share(path)
            if not path.exists():
                raise OperationalError(missing(path))
            conn_params = conn_params | {"database": f"{path.as_uri()}?mode=rw"}
        before = file_id(path)
        refuse_read_only(path)
        connection = super().get_new_connection(conn_params)
        try:
            connection.execute("PRAGMA schema_version")  # This also opens the log and its index.
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
        self._close_if_replaced()
        super().ensure_connection()

    def close_if_unusable_or_obsolete(self):
        # This runs before and after each request and must not raise errors. The next query opens the new file.
        self._close_if_replaced()
        super().close_if_unusable_or_obsolete()

    def is_usable(self):
        # Django calls this after an error. A new connection takes a millisecond, and the old one may be in any state.
        return self.is_in_memory_db()

    def _close_if_replaced(self):
        if self.connection is not None and not self.in_atomic_block and self._has_another_file():
            logger.error("The database file %s was replaced or deleted.", self.settings_dict["NAME"])
            self.close()

    def _commit(self):
        if self.connection is not None and self._has_another_file():
            raise OperationalError("The database file was replaced or deleted, so nothing was stored.")
        return super()._commit()

    def _has_another_file(self):
        return self.file_id is not None and file_id(self.settings_dict["NAME"]) != self.file_id


def file_id(path):
    """Return the device and inode of the file at `path`, or None if there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def refuse_read_only(path):
    """Raise OperationalError if the file, its log or the log's index exists and is not writable.

    If a process opens one of them read-only, all its connections stay read-only until all of them are closed, even if the files
    become writable.
    """
    for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        if each.exists() and not os.access(each, os.W_OK):
            raise OperationalError(
                f"{each} is not writable. Run this as the user who runs the site, and check the disk."
            )


def missing(path):
    return (
        f"The database file {path} is gone. Restore a backup with: manage.py restore FILE. "
        f"To start with an empty database instead, delete {presence.lock_path(path)}."
    )
