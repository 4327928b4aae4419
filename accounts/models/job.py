import logging
import random
import traceback
from datetime import timedelta

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult, DBTaskResultQuerySet

from accounts.jobs.pace import paced
from accounts.jobs.trouble import may_pass

logger = logging.getLogger(__name__)

# How long to wait after each failure: about a day in all, then the job stays failed.
DELAYS = [timedelta(seconds=s) for s in (10, 60, 300, 1800, 2 * 3600, 6 * 3600, 15 * 3600)]
# Longer than any job takes. One that has run for so long has lost its worker on another machine.
LOST_AFTER = timedelta(minutes=10)
# A job that has cost so many workers their life is what kills them.
MOST_WORKERS = 20
# Nobody looks for the cause of a failed job after this; its arguments may hold a mail.
KEEP_FAILED = timedelta(days=14)
KEEP_DONE = timedelta(days=1)


class WorkerLost(Exception):
    """The worker was killed while it ran this job, again and again."""


class JobQuerySet(DBTaskResultQuerySet):
    def late(self, patience):
        """Jobs that could have run since `patience`, a timedelta, and did not: no worker lives."""
        late = timezone.now() - patience
        # One that waits for its next try has a later date to run; one without has the highest.
        return self.ready().filter(enqueued_at__lt=late).exclude(run_after__range=(late, timezone.now()))

    def served(self, now):
        """Jobs of which nobody will ask any more at `now`."""
        done = models.Q(status=TaskResultStatus.SUCCESSFUL, finished_at__lt=now - KEEP_DONE)
        failed = models.Q(status=TaskResultStatus.FAILED, finished_at__lt=now - KEEP_FAILED)
        return self.filter(done | failed)

    def reap(self, is_dead):
        """Put back the jobs whose worker has died, so that another runs them. Returns how many.

        `is_dead` tells by a worker's id whether it is known to have ended.
        """
        lost = timezone.now() - LOST_AFTER
        return sum(
            job.lose_worker()
            for job in self.running()
            if job.started_at < lost or is_dead(job.worker_ids[-1])
        )


class Job(DBTaskResult):
    """A task in the outbox, with what the library lacks: patience, and another life after its worker's death."""

    objects = JobQuerySet.as_manager()

    class Meta:
        proxy = True
        verbose_name = _("job")
        verbose_name_plural = _("jobs")

    def __str__(self):
        return self.task_name

    @property
    def tries(self):
        """How often a worker has begun it."""
        return len(self.worker_ids)

    @property
    def cause(self):
        """The last line of what went wrong last, or nothing."""
        return self.traceback.strip().rpartition("\n")[2]

    def set_failed(self, error):
        """Note the failure. The job waits for its next try if that can help, else it stays failed.

        Each wait is lengthened by up to a fifth at random, so that many do not come back at once.
        """
        if self.tries > len(DELAYS) or not may_pass(error):
            super().set_failed(error)
            return
        wait = paced(DELAYS[self.tries - 1] * random.uniform(1, 1.2))
        self.exception_class_path = f"{type(error).__module__}.{type(error).__qualname__}"
        self.traceback = "".join(traceback.format_exception(error))
        self._wait_until(timezone.now() + wait)
        logger.warning("%s failed, trying again in %s: %s", self, wait, error)

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
        same_run = Job.objects.running().filter(pk=self.pk, started_at=self.started_at)
        if self.tries < MOST_WORKERS:
            return bool(same_run.update(status=TaskResultStatus.READY, run_after=timezone.now()))
        with transaction.atomic():
            lost = same_run.select_for_update().first()
            if lost:
                DBTaskResult.set_failed(lost, WorkerLost(f"{self.tries} workers died of it."))
        return lost is not None

    def _wait_until(self, moment):
        self.status = TaskResultStatus.READY
        self.run_after = moment
        self.save(update_fields=["status", "run_after", "exception_class_path", "traceback"])
