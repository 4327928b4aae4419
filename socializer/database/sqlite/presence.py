"""Tracks which processes use a SQLite database. Each process holds a shared lock on a file beside the database until it exits.

The kernel releases the lock, no matter how the process ends. Replacing the database requires an exclusive lock.
"""

import fcntl
import logging
import os
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db import OperationalError, connection

logger = logging.getLogger(__name__)

_mutex = threading.Lock()
# File descriptors by path. File objects would be closed when they are garbage-collected.
_shared = {}


class InUse(Exception):
    """Other processes use the database. `processes` are their known ids."""

    def __init__(self, processes):
        super().__init__(processes)
        self.processes = processes


def lock_path(path):
    """Return the path of the lock that belongs to the database at `path`."""
    path = Path(os.path.realpath(path))  # All links to a database share one lock.
    return path.with_name(f"{path.name}.lock")


def open_lock(path):
    """Open the lock at `path`, and create it if it is missing. Read access is enough if another user created the file."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        return os.open(path, os.O_RDONLY)


def share(path):
    """Hold the shared lock of the database at `path` until this process ends.

    Raises OperationalError while another process is replacing the database.
    """
    lock = lock_path(path)
    with _mutex:
        if lock in _shared:
            return
        try:
            file = open_lock(lock)
        except OSError as error:
            raise OperationalError(f"{lock} can't be opened: {error.strerror}.") from error
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(file)
            raise OperationalError(
                "The database is being replaced. Try again when that has finished."
            ) from error
        except OSError as error:
            # For example, a network file system may not support locks. The site still works, but a restore can't detect which
            # processes use the database.
            logger.warning("%s can't be locked: %s", lock, error.strerror)
        _shared[lock] = file


def share_default():
    """Hold the shared lock of the site's SQLite database if it exists. A web server opens it only for its first page."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not connection.is_in_memory_db() and Path(name).exists():
        share(Path(name).absolute())


@contextmanager
def exclusive(path):
    """Hold the exclusive lock of the database at `path`. Raises InUse if other processes use it."""
    lock = lock_path(path)
    with _mutex:
        file = _shared.pop(lock, None) or open_lock(lock)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUse(holders(lock)) from error
        yield
    finally:
        os.close(file)


def holders(lock):
    """Return the ids of the other processes that hold the lock. Only Linux provides them."""
    with suppress(OSError, ValueError):
        end = f":{os.stat(lock).st_ino}"
        lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        pids = {int(line[4]) for line in lines if line[1] == "FLOCK" and line[5].endswith(end)}
        return sorted(pids - {os.getpid()})
    return []
