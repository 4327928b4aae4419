"""Which processes use a SQLite database: each holds a shared lock on a file beside it until the process ends.

The kernel releases the lock whatever a process dies of. Whoever replaces the database takes the lock alone.
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
# Open files by their path. They are numbers, not file objects, so that they stay open until the process ends.
_shared = {}


class InUse(Exception):
    """Other processes use the database. `processes` are their ids, as far as they are known."""

    def __init__(self, processes):
        super().__init__(processes)
        self.processes = processes


def lock_path(path):
    """Return the path of the lock that belongs to the database at `path`."""
    path = Path(os.path.realpath(path))  # Two links to a database have one lock.
    return path.with_name(f"{path.name}.lock")


def open_lock(path):
    """Open the lock at `path`, made if it is missing. One that another user has made can be read, which is enough."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        return os.open(path, os.O_RDONLY)


def share(path):
    """Show until this process ends that it uses the database at `path`.

    Raises OperationalError while another process replaces the database.
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
            raise OperationalError("The database is being replaced. Wait until that is done.") from error
        except OSError as error:
            # A network file system without locks, say. The site works on it, and a restore can't tell who uses the database.
            logger.warning("%s can't be locked: %s", lock, error.strerror)
        _shared[lock] = file


def share_default():
    """Do so for the site's database, if it is on SQLite and there is one. A web server has not opened it before its first page."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and not connection.is_in_memory_db() and Path(name).exists():
        share(Path(name).absolute())


@contextmanager
def alone(path):
    """Keep all other processes from the database at `path`. Raises InUse if there are any."""
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
    """Return the ids of the other processes that hold the lock, where the system tells (Linux)."""
    with suppress(OSError, ValueError):
        found = os.stat(lock)
        end = f":{found.st_ino}"
        lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        pids = {int(line[4]) for line in lines if line[1] == "FLOCK" and line[5].endswith(end)}
        return sorted(pids - {os.getpid()})
    return []
