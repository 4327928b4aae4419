import inspect
import logging
import random
import traceback
from datetime import UTC, datetime, timedelta

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tasks import TaskContext, TaskResultStatus
from django_tasks_db.models import DBTaskResult, DBTaskResultQuerySet, get_date_max

from accounts import signals
from accounts.database_errors import is_conflict
from accounts.jobs import registry
from accounts.jobs.pace import paced
from accounts.jobs.trouble import may_pass

logger = logging.getLogger(__name__)

# How long to wait after each failure: about a day in all, then the job stays failed.
DELAYS = [timedelta(seconds=s) for s in (10, 60, 300, 1800, 2 * 3600, 6 * 3600, 15 * 3600)]
# The database let another transaction go first. The same again is likely to succeed at once.
CONFLICT_DELAY = timedelta(seconds=1)
# Longer than any job takes. One that has run for so long has lost its worker on another machine.
LOST_AFTER = timedelta(minutes=10)
# A job whose worker was killed this often is probably the cause.
MOST_WORKERS = 20
# Nobody looks for the cause of a failed job after this; its arguments may hold a mail.
KEEP_FAILED = timedelta(days=14)
KEEP_DONE = timedelta(days=1)
# A job whose task is unknown is looked at again after this, and when a worker starts.
UNKNOWN_DELAY = timedelta(hours=1)
# A job whose task is still unknown at this age fails.
UNKNOWN_EXPIRY = timedelta(days=14)
# A clock that is ahead by less than this delays nothing that matters.
CLOCK_TOLERANCE = timedelta(minutes=10)
# When a job runs that is held after a restore: never, until an operator releases it.
HELD = datetime(9000, 1, 1, tzinfo=UTC)
# As many jobs as are corrected at once after a clock was ahead.
CORRECTED = 1_000


class WorkerLost(Exception):
    """The worker was killed while it ran this job, again and again."""


class ArgumentMismatch(Exception):
    """The task doesn't take the arguments that were stored with the job."""


def path_of(exception_class):
    """Return the path of an exception class as it is stored in `Job.exception_class_path`."""
    return f"{exception_class.__module__}.{exception_class.__qualname__}"


class JobQuerySet(DBTaskResultQuerySet):
    def late(self, patience):
        """Jobs that could have run since `patience`, a timedelta, and did not: no worker lives."""
        late = timezone.now() - patience
        # One that waits for its next try has a later date to run; one without has the highest.
        return self.ready().filter(enqueued_at__lt=late).exclude(run_after__range=(late, timezone.now()))

    def served(self, now):
        """Finished jobs that are old enough to delete at `now`."""
        done = models.Q(status=TaskResultStatus.SUCCESSFUL, finished_at__lt=now - KEEP_DONE)
        failed = models.Q(status=TaskResultStatus.FAILED, finished_at__lt=now - KEEP_FAILED)
        return self.filter(done | failed)

    def reap(self, is_dead):
        """Put back the jobs whose worker has died, so that another runs them. Returns how many.

        `is_dead` tells by a worker's id whether it is known to have ended.
        """
        # A job that began in the future began before the clock was set back: from when on it runs is not known.
        now = timezone.now()
        return sum(
            job.lose_worker()
            for job in self.running()
            if abs(now - job.started_at) > LOST_AFTER or is_dead("".join(job.worker_ids[-1:]))
        )

    def unknown(self):
        """Jobs that wait because no worker knew their task."""
        return self.filter(status=TaskResultStatus.READY, exception_class_path=path_of(registry.UnknownTask))

    def release_known(self):
        """Make the jobs ready whose task was unknown and is known now. Returns how many."""
        known = registry.all_names() | set(registry.former_names())
        waiting = self.unknown().filter(task_path__in=known).exclude(run_after=HELD)
        return waiting.update(run_after=timezone.now())

    def held(self):
        """Jobs that an operator must release after a restore."""
        return self.filter(status=TaskResultStatus.READY, run_after=HELD)

    def from_the_future(self, now):
        """Jobs that were enqueued by a clock that was ahead of ours."""
        # All states are named, so that the index of states and times is used.
        return self.filter(status__in=TaskResultStatus.values, enqueued_at__gt=now + CLOCK_TOLERANCE)

    def correct_future_times(self, now):
        """Correct jobs that were enqueued or tried by a clock that was ahead, some at a time: they wait as long as was meant.

        When a running job began is left alone: it tells this run from others.
        """
        tried = Job.objects.filter(status=TaskResultStatus.READY, started_at__gt=now + CLOCK_TOLERANCE)
        jobs = {job.pk: job for rows in (tried, self.from_the_future(now)) for job in rows[:CORRECTED]}
        for job in jobs.values():
            job.correct_future_times(now)


class Job(DBTaskResult):
    """A stored task, with what the library lacks: retries, and recovery when its worker was killed.

    `task_path` holds the task's name in `accounts.jobs.registry`, or, in rows of older releases, the path of its function.
    """

    objects = JobQuerySet.as_manager()

    class Meta:
        proxy = True
        verbose_name = _("job")
        verbose_name_plural = _("jobs")

    def __str__(self):
        return self.task_path

    @property
    def task(self):
        """The task, with the options of this job. Raises registry.UnknownTask."""
        return registry.find(self.task_path).using(
            priority=self.priority,
            queue_name=self.queue_name,
            run_after=None if self.run_after == get_date_max() else self.run_after,
            backend=self.backend_name,
        )

    @property
    def task_name(self):
        return self.task_path

    @property
    def tries(self):
        """How often a worker has begun it."""
        return len(self.worker_ids)

    @property
    def cause(self):
        """The last line of what went wrong last, or nothing."""
        return self.traceback.strip().rpartition("\n")[2]

    @property
    def arguments(self):
        """The positional and the keyword arguments. Raises ArgumentMismatch if they are damaged."""
        try:
            return list(self.args_kwargs["args"]), dict(self.args_kwargs["kwargs"])
        except (KeyError, TypeError, ValueError) as error:
            raise ArgumentMismatch(f"The stored arguments of {self} can't be read.") from error

    def bring_up_to_date(self):
        """Store today's name and arguments in a row of an older release.

        Raises registry.ObsoleteTask if nothing is left to do, and ArgumentMismatch.
        """
        args, kwargs = self.arguments
        if not registry.is_former(self.task_path):
            return
        with transaction.atomic():
            try:
                name, args, kwargs = registry.update(self.task_path, args, kwargs)
            except TypeError as error:
                raise ArgumentMismatch(f"{self}: {error}") from error
            self.task_path, self.args_kwargs = name, {"args": args, "kwargs": kwargs}
            self.save(update_fields=["task_path", "args_kwargs"])

    def call(self):
        """Call the task and return what it returns. Raises ArgumentMismatch, and whatever the task raises."""
        task = self.task
        args, kwargs = self.arguments
        if task.takes_context:
            args = [TaskContext(task_result=self.task_result), *args]
        self._bind(task.func, args, kwargs)
        return task.call(*args, **kwargs)

    def ensure_runnable(self):
        """Raise registry.UnknownTask or ArgumentMismatch if a worker of this release could not run the job."""
        args, kwargs = self.arguments
        if registry.is_retired(self.task_path):
            return
        function = registry.adapter_of(self.task_path)
        if function is None:
            task = self.task
            function, args = task.func, [None, *args] if task.takes_context else args
        self._bind(function, args, kwargs)

    def _bind(self, function, args, kwargs):
        try:
            inspect.signature(function).bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentMismatch(f"{self}: {error}") from error

    def set_successful(self, return_value):
        """Record that the job is done."""
        self._end_run(
            status=TaskResultStatus.SUCCESSFUL,
            finished_at=timezone.now(),
            return_value=return_value,
            exception_class_path="",
            traceback="",
        )

    def set_failed(self, error):
        """Record the failure. The job waits for its next try if that can help, else it stays failed.

        Each wait is lengthened by up to a fifth at random, so that many do not come back at once.
        """
        if self.tries > len(DELAYS) or not may_pass(error):
            self._fail(error)
            return
        delay = CONFLICT_DELAY if is_conflict(error) else DELAYS[max(self.tries, 1) - 1]
        wait = paced(delay * random.uniform(1, 1.2))
        self._wait(wait, error)
        logger.warning("%s failed, trying again in %s: %s", self, wait, error)

    def set_obsolete(self, reason):
        """Record that nothing was left to do for a job of an older release; `reason` is text."""
        self.set_successful(f"Obsolete: {reason}")
        logger.warning("%s was of an older release, and nothing was left to do for it: %s", self, reason)

    def keep(self, error):
        """Keep the job until its task is known; `error` is the UnknownTask. It fails when it is too old."""
        if timezone.now() - self.enqueued_at > UNKNOWN_EXPIRY:
            self._fail(error)
        else:
            self._wait(UNKNOWN_DELAY, error, worker_ids=self.worker_ids[:-1])

    def try_again(self):
        """Let a failed job begin anew, after what it failed of was mended. Returns whether it was one."""
        failed = Job.objects.failed().filter(pk=self.pk)
        return bool(
            failed.update(
                status=TaskResultStatus.READY, run_after=timezone.now(), worker_ids=[], finished_at=None
            )
        )

    def lose_worker(self):
        """Put the job back, or fail it if it keeps killing its workers. Returns whether it still ran."""
        if self.tries < MOST_WORKERS:
            return self._end_run(status=TaskResultStatus.READY, run_after=timezone.now())
        return self._fail(WorkerLost(f"{self.tries} workers were killed while they ran it."))

    def correct_future_times(self, now):
        """Replace times after `now`, and keep how long the job is still to wait."""
        times = {"enqueued_at": min(self.enqueued_at, now)}
        if self.status == TaskResultStatus.READY and self.run_after not in (HELD, get_date_max()):
            waits_since = max(self.enqueued_at, self.started_at or self.enqueued_at)
            times["run_after"] = now + max(self.run_after - waits_since, timedelta())
        if self.status != TaskResultStatus.RUNNING:
            times |= {
                name: min(time, now)
                for name in ("started_at", "finished_at")
                if (time := getattr(self, name)) is not None
            }
        Job.objects.filter(pk=self.pk, status=self.status).update(**times)

    def _fail(self, error):
        with transaction.atomic():
            failed = self._end_run(
                status=TaskResultStatus.FAILED,
                finished_at=timezone.now(),
                return_value=None,
                **_described(error),
            )
            if failed:
                signals.job_failed.send(sender=Job, job=self)
        return failed

    def _wait(self, wait, error, **fields):
        self._end_run(
            status=TaskResultStatus.READY,
            run_after=timezone.now() + wait,
            **_described(error),
            **fields,
        )

    def _end_run(self, **fields):
        """Store what became of this run. Returns whether it was stored: not if the job was taken from its worker before."""
        same_run = Job.objects.running().filter(pk=self.pk, started_at=self.started_at)
        stored = bool(same_run.update(**fields))
        if stored:
            for name, value in fields.items():
                setattr(self, name, value)
        return stored


def _described(error):
    text = "".join(traceback.format_exception(error))
    # What no database takes.
    text = text.encode(errors="backslashreplace").decode().replace("\0", "\\0")
    return {"exception_class_path": path_of(type(error)), "traceback": text}
