"""The worker runs jobs one after another, requeues the jobs of dead workers, and enqueues periodic tasks.

PostgreSQL allows any number of workers, SQLite only one.
"""

import hashlib
import logging
import os
import signal
import socket
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from django import db
from django.db import close_old_connections, connection
from django.utils.crypto import get_random_string
from django_tasks.signals import task_finished, task_started

from accounts.common.database_errors import sqlstate
from accounts.jobs import periodic, registry
from accounts.jobs.backend import JobBackend
from accounts.jobs.errors import describe
from accounts.jobs.library import exclusive_transaction
from accounts.jobs.models import Job

logger = logging.getLogger(__name__)

BACKEND = "default"
# Seconds between two rounds of housekeeping.
HOUSEKEEPING_INTERVAL = 5
# Seconds to wait after the first of several database errors in a row. Doubled after each, up to the maximum.
FIRST_PAUSE, LONGEST_PAUSE = 1, 30


class AnotherWorker(Exception):
    """Another worker is running, and SQLite allows only one."""


class Worker:
    """Runs jobs until it receives a signal to stop, and recovers from every database error.

    With `batch`, it ends when no job is ready. With `max_jobs`, it ends after that many jobs. While no job is ready, it checks
    for one every `interval` seconds.
    """

    def __init__(self, *, interval=1.0, batch=False, max_jobs=None):
        self.interval = interval
        self.batch = batch
        self.max_jobs = max_jobs
        self.worker_id = new_worker_id()
        self.running = True
        self.busy = False
        self.finished_jobs = 0
        self.next_housekeeping = 0.0
        self.log = RepeatLog()

    def run(self):
        """Run jobs. Raises a `django.db.Error` only with `batch`, if the database fails for longer than half a minute."""
        self.retry_database_errors(Job.objects.requeue_known, "starting")
        while self.running and not self._has_reached_limit():
            job = self.retry_database_errors(self.claim_next, "looking for a job")
            if job:
                self.run_job(job)
            self.do_housekeeping()
            if job or not self.running:
                continue
            if not self.batch:
                self.pause(self.interval)
            elif not self.retry_database_errors(self.ready().exists, "looking for a job"):
                return

    def handle_signals(self):
        """Stop after the current job at the first signal, and immediately at the second."""
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGQUIT", None)):
            if number is not None:
                signal.signal(number, self.stop)

    def stop(self, number, frame):
        """Handle a signal. A job that is ended by the second signal is tried again. A third signal kills the process."""
        name = signal.strsignal(number)
        if not self.running:
            logger.warning("%s again: stopping in the middle of a job", name)
            signal.signal(number, signal.SIG_DFL)
            sys.exit(1)
        logger.warning("%s: stopping", name)
        self.running = False
        if not self.busy:
            sys.exit(0)

    def retry_database_errors(self, action, activity):
        """Return the result of `action()`. After a database error, wait and call it again.

        Returns None if the worker receives a signal to stop while it waits. `activity` completes a sentence in the log.
        """
        started_at, pause = time.monotonic(), FIRST_PAUSE
        while True:
            try:
                self.check_connection()
                result = action()
            except db.Error as error:
                if self.batch and pause == LONGEST_PAUSE:
                    raise
                self.log.failure(
                    "database", "The database failed while the worker was %s", activity, error=error
                )
                drop_connection()
                self.pause(pause)
                if not self.running:
                    return None
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                if self.log.success("database"):
                    logger.warning(
                        "The database is available again after %.0f s", time.monotonic() - started_at
                    )
                return result

    def check_connection(self):
        """Close a connection that has failed or is too old, before it is used again."""
        if not connection.in_atomic_block:
            close_old_connections()

    def pause(self, seconds):
        """Wait this many seconds, or until the worker receives a signal to stop."""
        # A signal handler that returns doesn't end a sleep, so sleep for short times.
        while self.running and seconds > 0:
            time.sleep(min(seconds, 0.5))
            seconds -= 0.5

    def ready(self):
        return Job.objects.ready().filter(backend_name=BACKEND)

    def claim_next(self):
        """Mark the next ready job as running and return it, or None. No two workers get the same job."""
        # Claiming a job takes SQLite's write lock, but looking for one doesn't.
        if connection.vendor == "sqlite" and not self.ready().exists():
            return None
        with exclusive_transaction():
            job = self.ready().get_locked()
            if job:
                job.claim(self.worker_id)
        return job

    def run_job(self, job):
        """Run a claimed job and record the outcome."""
        self.busy = True
        try:
            self._run(job)
        finally:
            self.busy = False
            self.finished_jobs += 1

    def _run(self, job):
        try:
            job.convert_from_older_release()
            task_started.send(sender=JobBackend, task_result=job.task_result)
            return_value = job.call()
        except registry.UnknownTask as error:
            self.log.failure(job.task_path, "A job has to wait: %s", error)
            self.record(job, job.set_unknown, error)
        except registry.ObsoleteTask as error:
            self.record(job, job.set_obsolete, str(error))
        except BaseException as error:
            self.record(job, job.set_failed, error)
            self.send_task_finished(job)
        else:
            self.record(job, job.set_successful, return_value)
            self.send_task_finished(job)

    def record(self, job, method, outcome):
        """Call `method(outcome)` as soon as the database is available. If the outcome can't be stored, the job fails."""

        def attempt():
            try:
                method(outcome)
            except (db.DataError, TypeError, ValueError) as error:
                job.set_failed(ValueError(f"The result of {job} can't be stored: {describe(error)}"))

        self.retry_database_errors(attempt, f"recording the outcome of {job}")

    def send_task_finished(self, job):
        """Send the signal of django-tasks. Its receivers write log lines and can't change the outcome."""
        try:
            task_finished.send(sender=JobBackend, task_result=job.task_result)
        except Exception:
            logger.exception("A receiver of task_finished failed")

    def do_housekeeping(self):
        """Requeue lost jobs and enqueue periodic tasks, if they are due. An error in one step doesn't stop the other."""
        if time.monotonic() < self.next_housekeeping:
            return
        self.next_housekeeping = time.monotonic() + HOUSEKEEPING_INTERVAL
        for action in (self.requeue_lost, periodic.enqueue_due):
            try:
                action()
            except Exception as error:
                self.log.failure(action, "Housekeeping failed in %s", action.__name__, error=error)
            else:
                self.log.success(action)

    def requeue_lost(self):
        """Make the jobs of dead workers ready again, and return how many there were."""
        return Job.objects.requeue_lost(lambda worker_id: is_known_dead(worker_id, self.worker_id))

    def _has_reached_limit(self):
        return self.max_jobs is not None and self.finished_jobs >= self.max_jobs


class RepeatLog:
    """Logs the first of several failures in a row."""

    def __init__(self):
        self.failing = set()

    def failure(self, key, message, *args, error=None):
        """Log a failure of `key`, unless it also failed the last time."""
        if key not in self.failing:
            self.failing.add(key)
            extra = {} if error is None else {"error": describe(error), "sqlstate": sqlstate(error)}
            logger.error(message, *args, extra=extra)

    def success(self, key):
        """Remember that `key` succeeded, and return whether it failed the last time."""
        was_failing = key in self.failing
        self.failing.discard(key)
        return was_failing


def drop_connection():
    """Close the connection, because after a failover the old one may still work but lead to a read-only server."""
    if not connection.in_atomic_block:
        connection.close()


def new_worker_id():
    """Return an id that contains the machine and the process of a worker."""
    return f"{machine_id()}:{os.getpid()}:{get_random_string(8)}"


def is_known_dead(worker_id, own_id):
    """Return whether the worker was a process of this machine and has ended. Workers elsewhere may be alive."""
    machine, _colon, rest = worker_id.partition(":")
    pid = rest.partition(":")[0]
    if machine != machine_id() or not pid.isdigit() or worker_id == own_id:
        return False
    # A restarted container assigns the same process ids again.
    return int(pid) == os.getpid() or not is_alive(int(pid))


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def machine_id():
    """Return an id of the process id namespace of this process, such as that of a container. It changes with each boot."""
    parts = [socket.gethostname()]
    for read in (
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text(),
        lambda: os.readlink("/proc/self/ns/pid"),
    ):
        try:
            parts.append(read())
        except OSError:  # Not Linux.
            parts.append("")
    return hashlib.blake2s("|".join(parts).encode(), digest_size=8).hexdigest()


def keep_connection_open():
    """Use one connection for all jobs even if the settings ask for one per request: connecting takes longer than a job."""
    connection.settings_dict["CONN_MAX_AGE"] = 600


@contextmanager
def single_sqlite_worker(wait_while=lambda: False):
    """Hold the lock of SQLite's only worker. The system frees it when the process ends.

    If another worker holds it, wait as long as `wait_while()` returns true, then raise AnotherWorker.
    """
    if connection.vendor != "sqlite" or connection.is_in_memory_db():
        yield
        return
    path = Path(os.path.realpath(connection.settings_dict["NAME"]))
    with _open_lock(path.with_name(f"{path.name}.worker")) as file:
        if not _lock(file) and wait_while():
            logger.warning("Another worker uses this SQLite database. This one waits until it ends.")
            while not _lock(file) and wait_while():
                time.sleep(1)
        if not _lock(file):
            raise AnotherWorker("Another worker is running, and SQLite takes only one.")
        yield


def _open_lock(path):
    """Open the lock file, and create it if it is missing. A file of another user can be opened for reading, which is enough."""
    try:
        return path.open("a")
    except PermissionError:
        return path.open()


def _lock(file):
    """Lock the file unless another process has locked it. Returns whether this process holds the lock."""
    import fcntl  # This module doesn't exist on Windows, where PostgreSQL can be used.

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
