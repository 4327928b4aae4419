"""What has to be done again and again. The workers keep it themselves: there is no cron to set up.

Each regular task is enqueued exactly once in a period, however many workers there are. Periods missed while no worker
ran are not made up for: tasks find by themselves what is due.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from accounts.jobs.pace import paced
from accounts.jobs.registry import name_of
from accounts.models import Turn

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

# The clocks of workers on several machines may differ by this much: one that is behind must not undo what one that is ahead has
# taken. A clock that was ahead by less makes a task rest for that long.
CLOCK_TOLERANCE = timedelta(minutes=30)


@dataclass(frozen=True)
class Regular:
    """A task without arguments that is due once in every period of length `every`."""

    task: object
    every: timedelta

    @property
    def name(self):
        return name_of(self.task)

    def period(self, now):
        return (now - EPOCH) // paced(self.every)


_regulars = {}


def register(task, every):
    """Have `task` enqueued once every timedelta `every`. To be called in `AppConfig.ready()`."""
    regular = Regular(task, every)
    _regulars[regular.name] = regular


def all_regulars():
    """Everything that is done regularly, in the order of registration."""
    return list(_regulars.values())


def enqueue_due():
    """Enqueue the tasks whose period has begun and was not taken yet. Returns their names.

    What fails with one task does not stop the others; the first error is raised at the end.
    """
    now = timezone.now()
    taken = dict(Turn.objects.values_list("name", "period"))
    enqueued, errors = [], []
    for regular in _regulars.values():
        try:
            if _take(regular, taken.get(regular.name), now):
                enqueued.append(regular.name)
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return enqueued


def _take(regular, taken, now):
    """Enqueue a task if it is due; `taken` is the last period that was taken, or None. Returns whether it was."""
    if taken is not None and taken > regular.period(now + CLOCK_TOLERANCE):
        # The clock was ahead, or the periods were shorter. This period may have been taken before: the next one is due.
        Turn.set_back(regular.name, taken, regular.period(now))
        return False
    period = regular.period(now)
    return (taken is None or taken < period) and Turn.take(regular.name, period, regular.task.enqueue)
