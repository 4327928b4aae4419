import inspect
import logging
import traceback
from datetime import UTC, datetime, timedelta

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tasks import TaskContext, TaskResultStatus

from accounts import signals
from accounts.jobs import registry
from accounts.jobs.errors import retry_delay
from accounts.jobs.library import DBTaskResult, DBTaskResultQuerySet, get_date_max

logger = logging.getLogger(__name__)

# Longer than any job takes. A job that has been running for longer was lost by a worker on another machine.
LOST_AFTER = timedelta(minutes=10)
# If this many workers were killed while they ran a job, the job is probably the cause.
MAX_ATTEMPTS_LOST = 20
# Finished jobs are deleted after this. Failed ones are kept for operators, but not for long, because they may contain an
# email.
KEEP_SUCCESSFUL = timedelta(days=1)
KEEP_FAILED = timedelta(days=14)
# A job with an unknown task is tried again after this time and when a worker starts, and fails when it is too old.
UNKNOWN_DELAY = timedelta(hours=1)
UNKNOWN_EXPIRY = timedelta(days=14)
# If a clock is ahead by less than this, the delay doesn't matter.
CLOCK_TOLERANCE = timedelta(minutes=10)
# How many jobs are corrected in one run after a clock was ahead.
CORRECTION_BATCH = 1_000
# `run_after` of jobs that are held after a restore. They run when an operator releases them.
HELD = datetime(9000, 1, 1, tzinfo=UTC)


class WorkerLost(Exception):
    """Every worker that ran this job was killed."""


class ArgumentMismatch(Exception):
    """The task doesn't take the arguments that are stored with the job."""


def exception_path(exception_class):
    """Return the path of an exception class in the format of `Job.exception_class_path`."""
    return f"{exception_class.__module__}.{exception_class.__qualname__}"


class JobQuerySet(DBTaskResultQuerySet):
    def overdue(self, patience):
        """Jobs that have been ready for longer than `patience`, a timedelta, so no worker is running."""
        now = timezone.now()
        # Jobs that wait for a retry have a later `run_after`. For others it is the maximum datetime, outside this range.
        return (
            self.ready()
            .filter(enqueued_at__lt=now - patience)
            .exclude(run_after__range=(now - patience, now))
        )

    def expired(self, now):
        """Finished jobs that are old enough to delete."""
        successful = models.Q(status=TaskResultStatus.SUCCESSFUL, finished_at__lt=now - KEEP_SUCCESSFUL)
        failed = models.Q(status=TaskResultStatus.FAILED, finished_at__lt=now - KEEP_FAILED)
        return self.filter(successful | failed)

    def requeue_lost(self, is_dead):
        """Make the jobs of dead workers ready again, and return how many there were.

        `is_dead(worker_id)` returns whether that worker is known to have ended.
        """
        # A start in the future was stored before the clock was set back, so it is unknown how long the job has been running.
        now = timezone.now()
        return sum(
            job.worker_lost()
            for job in self.running()
            if abs(now - job.started_at) > LOST_AFTER or is_dead(job.worker_id)
        )

    def unknown(self):
        """Jobs that wait because the worker didn't know their task."""
        unknown_task = exception_path(registry.UnknownTask)
        return self.filter(status=TaskResultStatus.READY, exception_class_path=unknown_task)

    def requeue_known(self):
        """Make jobs ready whose task was unknown until this release, and return how many there were."""
        known = registry.all_names() | set(registry.former_names())
        waiting = self.unknown().filter(task_path__in=known).exclude(run_after=HELD)
        return waiting.update(run_after=timezone.now())

    def held(self):
        """Jobs that wait for an operator to release them after a restore."""
        return self.filter(status=TaskResultStatus.READY, run_after=HELD)

    def from_the_future(self, now):
        """Jobs that were enqueued while a clock was ahead."""
        # With all states in the condition, the database uses the index of states and times.
        return self.filter(status__in=TaskResultStatus.values, enqueued_at__gt=now + CLOCK_TOLERANCE)

    def correct_future_times(self, now):
        """Correct up to two batches of jobs that were enqueued or tried while a clock was ahead."""
        tried = self.filter(status=TaskResultStatus.READY, started_at__gt=now + CLOCK_TOLERANCE)
        jobs = {job.pk: job for rows in (tried, self.from_the_future(now)) for job in rows[:CORRECTION_BATCH]}
        for job in jobs.values():
            job.correct_future_times(now)


class Job(DBTaskResult):
    """A row of django-tasks-db's table, with retries, and with recovery if its worker is killed.

    `task_path` holds the name of the task in `accounts.jobs.registry`. In rows of older releases, and for tasks of other
    libraries, it holds the path of the function.
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
        """The task with the options of this job. Raises registry.UnknownTask."""
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
    def attempts(self):
        """How many times a worker has started this job."""
        return len(self.worker_ids)

    @property
    def worker_id(self):
        """The id of the worker that started this job last, or "" if none did."""
        return self.worker_ids[-1] if self.worker_ids else ""

    @property
    def last_error(self):
        """The last line of the last traceback, or ""."""
        return self.traceback.strip().rpartition("\n")[2]

    @property
    def arguments(self):
        """The positional and the keyword arguments, a list and a dict. Raises ArgumentMismatch if they are damaged."""
        try:
            return list(self.args_kwargs["args"]), dict(self.args_kwargs["kwargs"])
        except (KeyError, TypeError, ValueError) as error:
            raise ArgumentMismatch(f"The stored arguments of {self} can't be read.") from error

    def convert_from_older_release(self):
        """Store the current name and arguments if an older release stored this job.

        Raises registry.ObsoleteTask if there is nothing left to do, and ArgumentMismatch.
        """
        args, kwargs = self.arguments
        if not registry.is_former(self.task_path):
            return
        with transaction.atomic():
            try:
                name, args, kwargs = registry.convert(self.task_path, args, kwargs)
            except TypeError as error:
                raise ArgumentMismatch(f"{self}: {error}") from error
            self.task_path, self.args_kwargs = name, {"args": args, "kwargs": kwargs}
            self.save(update_fields=["task_path", "args_kwargs"])

    def call(self):
        """Call the task and return its result. Raises ArgumentMismatch, or any exception that the task raises."""
        task = self.task
        args, kwargs = self.arguments
        if task.takes_context:
            args = [TaskContext(task_result=self.task_result), *args]
        self._check_arguments(task.func, args, kwargs)
        return task.call(*args, **kwargs)

    def ensure_runnable(self):
        """Raise registry.UnknownTask or ArgumentMismatch if a worker of this release couldn't run the job."""
        args, kwargs = self.arguments
        if registry.is_retired(self.task_path):
            return
        function = registry.adapter_of(self.task_path)
        if function is None:
            task = self.task
            function, args = task.func, [None, *args] if task.takes_context else args
        self._check_arguments(function, args, kwargs)

    def _check_arguments(self, function, args, kwargs):
        try:
            inspect.signature(function).bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentMismatch(f"{self}: {error}") from error

    def set_successful(self, return_value):
        """Record that the job succeeded."""
        self._end_run(
            status=TaskResultStatus.SUCCESSFUL,
            finished_at=timezone.now(),
            return_value=return_value,
            exception_class_path="",
            traceback="",
        )

    def set_failed(self, error):
        """Record a failure. The job waits for its next attempt if another attempt makes sense, and otherwise stays failed."""
        delay = retry_delay(error, self.attempts)
        if delay is None:
            self._fail(error)
            return
        self._wait(delay, error)
        logger.warning("%s failed, trying again in %s: %s", self, delay, error)

    def set_obsolete(self, reason):
        """Record that there was nothing left to do for a job of an older release. `reason` is text."""
        self.set_successful(f"Obsolete: {reason}")
        logger.warning("%s is from an older release, and there was nothing left to do: %s", self, reason)

    def set_unknown(self, error):
        """Keep the job until its task is known, or fail it if it is too old. `error` is the UnknownTask."""
        if timezone.now() - self.enqueued_at > UNKNOWN_EXPIRY:
            self._fail(error)
        else:
            # Finding out that the task is unknown doesn't count as an attempt.
            self._wait(UNKNOWN_DELAY, error, worker_ids=self.worker_ids[:-1])

    def retry(self):
        """Make a failed job ready again with all its attempts, once the cause is fixed. Returns whether it had failed."""
        failed = Job.objects.failed().filter(pk=self.pk)
        return bool(
            failed.update(
                status=TaskResultStatus.READY, run_after=timezone.now(), worker_ids=[], finished_at=None
            )
        )

    def worker_lost(self):
        """Requeue the job of a killed worker, or fail it if this happened too often. Returns whether it was still running."""
        if self.attempts < MAX_ATTEMPTS_LOST:
            return self._end_run(status=TaskResultStatus.READY, run_after=timezone.now())
        return self._fail(WorkerLost(f"{self.attempts} workers were killed while they ran this job."))

    def correct_future_times(self, now):
        """Replace times after `now`, and keep how long the job still has to wait.

        The start of a running job stays as it is, because it identifies this run.
        """
        times = {"enqueued_at": min(self.enqueued_at, now)}
        if self.status == TaskResultStatus.READY and self.run_after not in (HELD, get_date_max()):
            waiting_since = max(self.enqueued_at, self.started_at or self.enqueued_at)
            times["run_after"] = now + max(self.run_after - waiting_since, timedelta())
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
                **_error_fields(error),
            )
            if failed:
                signals.job_failed.send(sender=Job, job=self)
        return failed

    def _wait(self, delay, error, **fields):
        self._end_run(
            status=TaskResultStatus.READY,
            run_after=timezone.now() + delay,
            **_error_fields(error),
            **fields,
        )

    def _end_run(self, **fields):
        """Store the outcome of this run. Returns whether it was stored. It isn't if another worker has taken over the job."""
        same_run = Job.objects.running().filter(pk=self.pk, started_at=self.started_at)
        stored = bool(same_run.update(**fields))
        if stored:
            for name, value in fields.items():
                setattr(self, name, value)
        return stored


def _error_fields(error):
    text = "".join(traceback.format_exception(error))
    # Databases store neither lone surrogates nor NUL.
    text = text.encode(errors="backslashreplace").decode().replace("\0", "\\0")
    return {"exception_class_path": exception_path(type(error)), "traceback": text}


class PeriodicRun(models.Model):
    """The last period in which a periodic task was enqueued. One row for each task."""

    name = models.CharField(max_length=100, primary_key=True)
    period = models.BigIntegerField(default=-1)

    def __str__(self):
        return f"{self.name}: {self.period}"

    @classmethod
    def claim(cls, name, period, enqueue):
        """Claim `period` and call `enqueue()` in one transaction, unless that or a later period was claimed before.

        Returns whether it was claimed now. If several workers try at the same time, one succeeds.
        """
        with transaction.atomic():
            # Every period is later than that of a new row. If a wrong clock shows a time before 2020, periods are negative.
            cls.objects.get_or_create(name=name, defaults={"period": period - 1})
            claimed = cls.objects.filter(name=name, period__lt=period).update(period=period)
            if claimed:
                enqueue()
        return bool(claimed)

    @classmethod
    def set_back(cls, name, mistaken, period):
        """Store `period` as the last one, if the row still holds the wrong period `mistaken`."""
        cls.objects.filter(name=name, period=mistaken).update(period=period)


class ClockReading(models.Model):
    """When old rows were last deleted, by the clock of this machine. One row.

    A machine without a clock battery may be years ahead for a moment after it starts, and must not delete everything at that
    moment. A clock that has jumped ahead is trusted only after it has run for a while since the jump.
    """

    # A site may be switched off over a weekend.
    LONGEST_GAP = timedelta(days=3)
    # Less than a day, so that the next daily run is trusted.
    PROBATION = timedelta(hours=12)

    read_on = models.DateTimeField()
    trusted_from = models.DateTimeField()

    def __str__(self):
        return f"{self.read_on}"

    @property
    def is_trusted(self):
        return self.read_on >= self.trusted_from

    @classmethod
    def trusts(cls, now):
        """Return whether a clock that shows `now` hasn't jumped ahead since the last reading. Stores nothing."""
        last = cls.objects.first()
        if last is None or now < last.read_on:
            return True
        return now - last.read_on <= cls.LONGEST_GAP and now >= last.trusted_from

    @classmethod
    def record(cls, now, *, trust=False):
        """Store and return the reading `now`. With `trust`, it is trusted regardless of earlier readings."""
        with transaction.atomic():
            last = cls.objects.select_for_update().first()
            reading = cls(pk=1, read_on=now, trusted_from=now)
            if last is not None:
                if now - last.read_on > cls.LONGEST_GAP:
                    reading.trusted_from = now + cls.PROBATION
                elif now >= last.read_on:
                    reading.trusted_from = last.trusted_from
                # Otherwise the clock was set back, so rows look newer than they are, which is harmless.
            if trust:
                reading.trusted_from = now
            reading.save()
        return reading
