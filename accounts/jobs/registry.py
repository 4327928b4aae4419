"""The names under which jobs are stored.

A job outlives the code that enqueued it, so its row holds a name that stays the same when a function is renamed or moves
to another module. `socializer/tests/test_task_names.py` pins all names.
"""

from dataclasses import dataclass

import django_tasks
from django.utils.module_loading import import_string


class UnknownTask(LookupError):
    """This release has no task of that name: the job comes from a newer one, or from an app that is switched off."""


class ObsoleteTask(Exception):
    """There is nothing left to do for a job of an older release."""


@dataclass(frozen=True)
class Former:
    """What became of a name under which older releases stored jobs."""

    name: str | None
    adapt: object = None


_tasks = {}
_names = {}
_former = {}


def task(name, *, formerly=(), **options):
    """Make a function a task whose jobs are stored as `name`, which must never change.

    `formerly` are the names under which older releases stored the same task, with the same arguments. The `options` are
    those of `django_tasks.task`.
    """

    def decorate(function):
        made = django_tasks.task(**options)(function)
        _tasks[name] = made
        _names[made.func] = name
        for former in formerly:
            replace(former, name)
        return made

    return decorate


def replace(former, name, adapt=None):
    """Have jobs that an older release stored as `former` run as the task `name`.

    If the arguments have changed, `adapt(*args, **kwargs)` returns the new ones as a list and a dict. It is called in the
    transaction that stores them, and raises ObsoleteTask if nothing is left to do.
    """
    _former[former] = Former(name, adapt)


def retire(former):
    """Have jobs that an older release stored as `former` end without doing anything."""
    _former[former] = Former(None)


def name_of(task):
    """Return the name under which jobs of `task` are stored."""
    return _names.get(task.func, task.module_path)


def all_names():
    """Return the set of names under which this release stores jobs."""
    return set(_tasks)


def former_names():
    """Return what became of the names of older releases: a dict of their names and today's, or None."""
    return {former: now.name for former, now in _former.items()}


def is_former(name):
    """Return whether only older releases stored jobs under that name."""
    return name in _former


def is_retired(name):
    """Return whether nothing is left to do for jobs that older releases stored under that name."""
    return name in _former and _former[name].name is None


def adapter_of(name):
    """Return the function that takes the arguments of jobs stored as `name` and returns today's, or None if they are the same."""
    return _former[name].adapt if name in _former else None


def names_of(task):
    """Return all names under which jobs with the arguments of `task` may be stored, today's and those of older releases."""
    today = name_of(task)
    return [today, *(name for name, former in _former.items() if former == Former(today))]


def find(name):
    """Return the task whose jobs are stored as `name`, today or formerly. Raises UnknownTask.

    Tasks of other apps, which know nothing of such names, are stored under the path of their function.
    """
    if is_retired(name):
        raise UnknownTask(f"This release no longer has the task {name!r}.")
    if name in _former:
        name = _former[name].name
    if name in _tasks:
        return _tasks[name]
    try:
        found = import_string(name)
    except ImportError:
        found = None
    if not isinstance(found, django_tasks.base.Task):
        raise UnknownTask(f"This release has no task {name!r}.")
    return found


def update(name, args, kwargs):
    """Return the name and the arguments of today for those of a stored job.

    Raises ObsoleteTask if nothing is left to do for it. May change rows: call it in the transaction that stores the answer.
    """
    if not is_former(name):
        return name, args, kwargs
    former = _former[name]
    if former.name is None:
        raise ObsoleteTask(f"{name} is no longer needed.")
    if former.adapt:
        args, kwargs = former.adapt(*args, **kwargs)
    return former.name, args, kwargs
