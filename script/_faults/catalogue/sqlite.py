"""The file of the SQLite database is locked, changed or removed."""

import signal
import sqlite3
import time
from contextlib import closing, suppress

from _faults.catalogue.base import Fault
from _faults.processes import Skipped, TrialError, run, send


class FileLocked(Fault):
    engines = ("sqlite",)
    seconds = 18
    brief_seconds = 11
    unavailable = True

    def begin(self):
        self.connection = self.engine.connect()
        self.connection.execute("BEGIN IMMEDIATE")

    def end(self):
        self.connection.close()


class FileReadOnly(Fault):
    """The file is immutable. Processes that have it open can still write, so they are killed and replaced."""

    engines = ("sqlite",)
    seconds = 8
    unavailable = True
    refuses = True
    repeats_email = True

    def check(self):
        probe = self.trial.scratch / "probe"
        probe.touch()
        try:
            self._change("+i", probe)
            self._change("-i", probe)
            self._change("+i", self.engine.file)
            self._change("-i", self.engine.file)
        except (TrialError, OSError) as error:
            raise Skipped("this file system can't make a file immutable") from error

    def _change(self, flag, *files):
        run(["chattr", flag, *files], self.trial.scratch / "trial.log")

    def begin(self):
        self.files = list(self.engine.disk.folder.glob(f"{self.engine.file.name}*"))
        self._change("+i", *self.files)
        send([self.site.one("web"), self.site.one("worker")], signal.SIGKILL)

    def end(self):
        self._change("-i", *self.files)


class CheckpointStarved(Fault):
    """A transaction that doesn't end prevents SQLite from writing the log back to the database."""

    engines = ("sqlite",)
    seconds = 15

    def begin(self):
        self.connection = self.engine.connect()
        self.connection.execute("BEGIN")
        self.connection.execute("SELECT count(*) FROM posts_post").fetchall()

    def end(self):
        self.connection.close()


class Vacuumed(Fault):
    engines = ("sqlite",)
    seconds = 0
    unavailable = True

    def begin(self):
        with closing(self.engine.connect()) as connection, suppress(sqlite3.OperationalError):
            connection.execute("VACUUM")


class FileReplaced(Fault):
    """While the site is idle, the file of the database is replaced with a copy."""

    engines = ("sqlite",)
    seconds = 5
    unavailable = True
    refuses = True  # The processes may have to restart.
    repeats_email = True

    def begin(self):
        self.trial.crowd.pause()
        self.trial.settle(20)
        self._copy()
        for suffix in ("-wal", "-shm"):
            self.engine.file.with_name(f"{self.engine.file.name}{suffix}").unlink(missing_ok=True)
        self._replace()
        time.sleep(4)
        self.trial.crowd.resume()

    def _copy(self):
        self.copy = self.engine.file.with_name("copy.sqlite3")
        with closing(self.engine.connect()) as live, closing(sqlite3.connect(self.copy)) as copy:
            live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            live.backup(copy)

    def _replace(self):
        self.copy.rename(self.engine.file)

    def end(self):
        self.trial.crowd.resume()


class FileRemoved(FileReplaced):
    """The file is deleted. Five seconds later it is replaced with a copy."""

    def _replace(self):
        self.engine.file.unlink()
        time.sleep(5)
        self.copy.rename(self.engine.file)
