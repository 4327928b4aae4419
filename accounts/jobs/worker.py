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

from django.db import close_old_connections, connection
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands.db_worker import Worker as LibraryWorker
from django_tasks_db.utils import exclusive_transaction

from accounts.jobs import schedule
from accounts.models import Job

logger = logging.getLogger(__name__)

# How often, in seconds, a busy worker looks for what is due and for jobs whose worker has died.
HOUSEKEEPING = 5


class AnotherWorker(Exception):
    """SQLite has one worker already."""


class Worker(LibraryWorker):
    """django-tasks-db's worker, whose jobs are `Job`."""

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

    def run(self):
        """Work until told to stop; with `batch`, until nothing is ready; with `max_tasks`, until so many are done."""
        while self.running and not self._has_done_enough():
            close_old_connections()
            self.keep_house()
            job = self.take()
            if job:
                self.run_task(job)
            elif self.batch and not self.ready().exists():
                return
            elif self.running:
                time.sleep(self.interval)

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

    def keep_house(self):
        if time.monotonic() >= self.next_housekeeping:
            self.next_housekeeping = time.monotonic() + HOUSEKEEPING
            self.bring_back()
            schedule.enqueue_due()

    def bring_back(self):
        """Make the jobs of dead workers ready again. Returns how many."""
        return Job.objects.reap(lambda worker_id: is_dead_here(worker_id, self.worker_id))

    def _has_done_enough(self):
        return self.max_tasks is not None and self._run_tasks >= self.max_tasks


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
    with Path(f"{connection.settings_dict['NAME']}.worker").open("a") as file:
        if not _is_locked_by_us(file) and wait_while():
            logger.warning("Another worker is at work on this SQLite database. This one waits for its place.")
            while not _is_locked_by_us(file) and wait_while():
                time.sleep(1)
        if not _is_locked_by_us(file):
            raise AnotherWorker("Another worker is at work, and SQLite has room for one.")
        yield


def _is_locked_by_us(file):
    """Lock the file, if nobody else has. Returns whether it is ours."""
    import fcntl  # Not on every system that PostgreSQL can be used from.

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
