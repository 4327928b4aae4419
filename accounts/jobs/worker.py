"""The worker: takes jobs one after another, brings back those of dead workers, and keeps the schedule.

Any number of them may run on PostgreSQL, one on SQLite.
"""

import hashlib
import logging
import os
import socket
import time
from contextlib import contextmanager
from pathlib import Path

from django import db
from django.db import close_old_connections, connection
from django.utils.crypto import get_random_string
from django_tasks.signals import task_finished, task_started
from django_tasks_db.management.commands.db_worker import Worker as LibraryWorker
from django_tasks_db.utils import exclusive_transaction

from accounts.database_errors import sqlstate
from accounts.jobs import registry, schedule
from accounts.jobs.backend import JobBackend
from accounts.jobs.trouble import answer_of
from accounts.models import Job

logger = logging.getLogger(__name__)

# How often, in seconds, a busy worker looks for what is due and for jobs whose worker has died.
HOUSEKEEPING = 5
# Seconds to wait after the first of several failures of the database in a row, doubled each time, and at most.
FIRST_PAUSE, LONGEST_PAUSE = 1, 30


class AnotherWorker(Exception):
    """SQLite has one worker already."""


class Worker(LibraryWorker):
    """django-tasks-db's worker, whose jobs are `Job`, and that survives whatever the database does.

    Of the library's class it uses the handling of signals.
    """

    def __init__(self, *, interval=1.0, batch=False, max_tasks=None):
        super().__init__(
            queue_names=["*"],
            interval=interval,
            batch=batch,
            backend_name="default",
            startup_delay=False,
            max_tasks=max_tasks,
            worker_id=new_worker_id(),
            excluded_queue_names=[],
        )
        self.next_housekeeping = 0.0
        self.log = RepeatLog()

    def run(self):
        """Work until told to stop; with `batch`, until nothing is ready; with `max_tasks`, until so many are done.

        Raises a `django.db.Error` only with `batch`, if the database fails for longer than half a minute.
        """
        self.survive(self.release_known, "starting")
        while self.running and not self._has_done_enough():
            job = self.survive(self.take, "looking for a job")
            if job:
                self.run_task(job)
            self.keep_house()
            if job or not self.running:
                continue
            if not self.batch:
                self.pause(self.interval)
            elif not self.survive(self.ready().exists, "looking for a job"):
                return

    def survive(self, act, doing):
        """Return what `act()` returns. While it raises an error of the database, wait and call it again.

        Returns None when told to stop meanwhile. `doing` says in the log what was not possible.
        """
        began, pause = time.monotonic(), FIRST_PAUSE
        while True:
            try:
                self.check_connection()
                result = act()
            except db.Error as error:
                if self.batch and pause == LONGEST_PAUSE:
                    raise
                self.log.failed("database", "The database failed while the worker was %s", doing, error=error)
                drop_connection()
                self.pause(pause)
                if not self.running:
                    return None
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                if self.log.mended("database"):
                    logger.warning("The database answers again, after %.0f s", time.monotonic() - began)
                return result

    def check_connection(self):
        """Drop a connection that has failed or is too old, before it is used again. Called before every job."""
        if not connection.in_atomic_block:
            close_old_connections()

    def pause(self, seconds):
        """Wait, but not for longer than until told to stop. A signal's handler would not end one long sleep."""
        while self.running and seconds > 0:
            time.sleep(min(seconds, 0.5))
            seconds -= 0.5

    def ready(self):
        return Job.objects.ready().filter(backend_name=self.backend_name)

    def take(self):
        """Claim the next ready job and return it, or None. No two workers get the same one."""
        # Claiming takes SQLite's write lock, looking does not.
        if connection.vendor == "sqlite" and not self.ready().exists():
            return None
        with exclusive_transaction():
            job = self.ready().get_locked()
            if job:
                job.claim(self.worker_id)
        return job

    def run_task(self, job):
        """Do a claimed job and record what became of it."""
        self.running_task = True
        try:
            self._run(job)
        finally:
            self.running_task = False
            self._run_tasks += 1

    def _run(self, job):
        try:
            job.bring_up_to_date()
            task_started.send(sender=JobBackend, task_result=job.task_result)
            return_value = job.call()
        except registry.UnknownTask as error:
            self.log.failed(job.task_path, "A job waits: %s", error)
            self.store(job, job.keep, error)
        except registry.ObsoleteTask as error:
            self.store(job, job.set_obsolete, str(error))
        except BaseException as error:
            self.store(job, job.set_failed, error)
            self.tell_finished(job)
        else:
            self.store(job, job.set_successful, return_value)
            self.tell_finished(job)

    def store(self, job, record, outcome):
        """Record a job's outcome, as soon as the database lets it. An outcome that can't be stored is a failure."""

        def attempt():
            try:
                record(outcome)
            except (db.DataError, TypeError, ValueError) as error:
                job.set_failed(ValueError(f"What {job} returned can't be stored: {answer_of(error)}"))

        self.survive(attempt, f"recording the outcome of {job}")

    def tell_finished(self, job):
        """Send the library's signal. Its receivers log, and can't change the outcome."""
        try:
            task_finished.send(sender=JobBackend, task_result=job.task_result)
        except Exception:
            logger.exception("A receiver of task_finished failed")

    def keep_house(self):
        """Do what is due beside the jobs. What fails does not stop the rest, and is tried again at the next time."""
        if time.monotonic() < self.next_housekeeping:
            return
        self.next_housekeeping = time.monotonic() + HOUSEKEEPING
        for act in (self.bring_back, schedule.enqueue_due):
            try:
                act()
            except Exception as error:
                self.log.failed(act, "Housekeeping failed in %s", act.__name__, error=error)
            else:
                self.log.mended(act)

    def bring_back(self):
        """Make the jobs of dead workers ready again. Returns how many."""
        return Job.objects.reap(lambda worker_id: is_dead_here(worker_id, self.worker_id))

    def release_known(self):
        """Make the jobs ready that waited for this release. Returns how many."""
        return Job.objects.release_known()

    def _has_done_enough(self):
        return self.max_tasks is not None and self._run_tasks >= self.max_tasks


class RepeatLog:
    """Logs what goes wrong again and again once, until it has gone well."""

    def __init__(self):
        self.failing = set()

    def failed(self, what, message, *args, error=None):
        """Log a line about `what`, unless it went wrong the last time, too."""
        if what not in self.failing:
            self.failing.add(what)
            facts = {} if error is None else {"error": answer_of(error), "sqlstate": sqlstate(error)}
            logger.error(message, *args, extra=facts)

    def mended(self, what):
        """Return whether `what`, which went well, went wrong the last time."""
        was_failing = what in self.failing
        self.failing.discard(what)
        return was_failing


def drop_connection():
    """Have the next statement connect anew: after a failover, the old connection may work and lead to a read-only server."""
    if not connection.in_atomic_block:
        connection.close()


def new_worker_id():
    """An id that says on which machine and in which process a worker lives."""
    return f"{this_machine()}:{os.getpid()}:{get_random_string(8)}"


def is_dead_here(worker_id, own_id):
    """Whether the worker of that id was a process of this machine and has ended. Of others nothing is known."""
    machine, _colon, process = worker_id.partition(":")
    pid = process.partition(":")[0]
    if machine != this_machine() or not pid.isdigit() or worker_id == own_id:
        return False
    # A container that starts again gives the same number again.
    return int(pid) == os.getpid() or not is_alive(int(pid))


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def this_machine():
    """A name for all that share our process numbers, which are those of one container, since one start of the machine."""
    parts = [socket.gethostname()]
    for look in (
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text(),
        lambda: os.readlink("/proc/self/ns/pid"),
    ):
        try:
            parts.append(look())
        except OSError:  # Not Linux.
            parts.append("")
    return hashlib.blake2s("|".join(parts).encode(), digest_size=8).hexdigest()


def keep_one_connection():
    """Use one connection for all jobs, also where each request has its own: a new one costs more than a job."""
    connection.settings_dict["CONN_MAX_AGE"] = 600


@contextmanager
def only_one_on_sqlite(wait_while=lambda: False):
    """Hold the place of SQLite's one worker; the death of a process frees it.

    While it is taken, waits as long as `wait_while()` is true, then raises AnotherWorker.
    """
    if connection.vendor != "sqlite" or connection.is_in_memory_db():
        yield
        return
    path = Path(os.path.realpath(connection.settings_dict["NAME"]))
    with _open_lock(path.with_name(f"{path.name}.worker")) as file:
        if not _is_locked_by_us(file) and wait_while():
            logger.warning("Another worker is at work on this SQLite database. This one waits for its place.")
            while not _is_locked_by_us(file) and wait_while():
                time.sleep(1)
        if not _is_locked_by_us(file):
            raise AnotherWorker("Another worker is at work, and SQLite has room for one.")
        yield


def _open_lock(path):
    """Open a file to be locked, made if it is missing. One that another user has made can be read, which is enough."""
    try:
        return path.open("a")
    except PermissionError:
        return path.open()


def _is_locked_by_us(file):
    """Lock the file, if nobody else has. Returns whether it is ours."""
    import fcntl  # Not on every system that PostgreSQL can be used from.

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
