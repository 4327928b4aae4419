"""Periodic tasks. The workers enqueue them, so no cron job is needed.

Each task is enqueued once per period, regardless of the number of workers. Periods that passed while no worker was running
are skipped: each task finds everything that is due.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from accounts.jobs.models import PeriodicRun
from accounts.jobs.registry import name_of

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

# The clocks of machines may differ by this much: a worker whose clock is behind must not undo the claims of a worker whose
# clock is ahead. If a clock was ahead by less than this, a task pauses for that long.
CLOCK_TOLERANCE = timedelta(minutes=30)


@dataclass(frozen=True)
class PeriodicTask:
    """A task without arguments that is due once in every period. A period is as long as the timedelta `interval`."""

    task: object
    interval: timedelta

    @property
    def name(self):
        return name_of(self.task)

    def period_at(self, time):
        """Return the number of the period that contains `time`, counted from the start of 2020."""
        return (time - EPOCH) // self.interval


_periodic_tasks = {}


def register(task, interval):
    """Enqueue `task` once every `interval`, a timedelta. Call it in `AppConfig.ready()`."""
    periodic_task = PeriodicTask(task, interval)
    _periodic_tasks[periodic_task.name] = periodic_task


def all_periodic_tasks():
    """Return every PeriodicTask, in the order of registration."""
    return list(_periodic_tasks.values())


def enqueue_due():
    """Enqueue the tasks that are due in a period that nobody has claimed yet. Returns their names.

    An error with one task doesn't stop the others. The first error is raised at the end.
    """
    now = timezone.now()
    claimed = dict(PeriodicRun.objects.values_list("name", "period"))
    enqueued, errors = [], []
    for periodic_task in _periodic_tasks.values():
        try:
            if _enqueue_if_due(periodic_task, claimed.get(periodic_task.name), now):
                enqueued.append(periodic_task.name)
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return enqueued


def _enqueue_if_due(periodic_task, last_period, now):
    """Enqueue a task unless the current period was claimed, and return whether it was. `last_period` may be None."""
    period = periodic_task.period_at(now)
    if last_period is not None and last_period > periodic_task.period_at(now + CLOCK_TOLERANCE):
        # The clock was ahead, or the interval was shorter. This period may have been claimed before, so the next one is due.
        PeriodicRun.set_back(periodic_task.name, last_period, period)
        return False
    if last_period is not None and last_period >= period:
        return False
    return PeriodicRun.claim(periodic_task.name, period, periodic_task.task.enqueue)
