"""What has to be done again and again. The workers keep it themselves: there is no cron to set up.

Each regular task is enqueued exactly once in a period, however many workers there are. Periods missed while no worker
ran are not made up for: tasks find by themselves what is due.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from accounts.jobs.pace import paced
from accounts.models import Turn

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Regular:
    """A task without arguments that is due once in every period of length `every`."""

    task: object
    every: timedelta

    @property
    def name(self):
        return self.task.module_path

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
    """Enqueue the tasks whose period has begun and was not taken yet. Returns their names."""
    now = timezone.now()
    taken = dict(Turn.objects.values_list("name", "period"))
    due = [regular for regular in _regulars.values() if taken.get(regular.name, -1) < regular.period(now)]
    return [
        regular.name for regular in due if Turn.take(regular.name, regular.period(now), regular.task.enqueue)
    ]
