"""The names under which jobs are stored.

A job outlives the code that enqueued it, so its row holds a name that stays the same when a function is renamed or moves
to another module. `socializer/tests/test_task_names.py` lists all names.
"""

from dataclasses import dataclass

import django_tasks
from django.utils.module_loading import import_string


class UnknownTask(LookupError):
    """This release has no task with that name. The job is from a newer release, or from an app that isn't installed now."""


class ObsoleteTask(Exception):
    """There is nothing left to do for a job of an older release."""


@dataclass(frozen=True)
class FormerName:
    """The current name for a task of an older release, or None if it is retired, and the function that adapts arguments."""

    name: str | None
    adapt: object = None


_tasks = {}
_names = {}
_former_names = {}


def task(name, *, formerly=(), **options):
    """Make a function a task whose jobs are stored as `name`, which must never change.

    `formerly` lists the names under which older releases stored the same task with the same arguments. The `options` are
    those of `django_tasks.task`.
    """

    def decorate(function):
        decorated = django_tasks.task(**options)(function)
        _tasks[name] = decorated
        _names[decorated.func] = name
        for former_name in formerly:
            replace(former_name, name)
        return decorated

    return decorate


def replace(former_name, name, adapt=None):
    """Run jobs that an older release stored as `former_name` as the task `name`.

    If the arguments have changed, `adapt(*args, **kwargs)` returns the new ones as a list and a dict. It is called in the
    transaction that stores them, and may raise ObsoleteTask.
    """
    _former_names[former_name] = FormerName(name, adapt)


def retire(former_name):
    """Finish jobs that an older release stored as `former_name` without running them."""
    _former_names[former_name] = FormerName(None)


def name_of(task):
    """Return the name under which jobs of `task` are stored."""
    return _names.get(task.func, task.module_path)


def all_names():
    """Return the set of names under which this release stores jobs."""
    return set(_tasks)


def former_names():
    """Return a dict from the names in older releases to the current names, or to None if a task is retired."""
    return {former_name: former.name for former_name, former in _former_names.items()}


def is_former(name):
    """Return whether only older releases stored jobs under this name."""
    return name in _former_names


def is_retired(name):
    """Return whether older releases stored jobs under that name, and there is nothing left to do for them."""
    return name in _former_names and _former_names[name].name is None


def adapter_of(name):
    """Return the function that adapts the arguments of jobs stored as `name`, or None if the arguments are the same."""
    return _former_names[name].adapt if name in _former_names else None


def names_of(task):
    """Return all names under which jobs with the arguments of `task` may be stored, the current name first."""
    today = name_of(task)
    return [today, *(name for name, former in _former_names.items() if former == FormerName(today))]


def find(name):
    """Return the task whose jobs are stored as `name`, by this release or an older one. Raises UnknownTask.

    Jobs of apps that don't use this registry are stored under the path of their function.
    """
    if is_retired(name):
        raise UnknownTask(f"This release no longer has the task {name!r}.")
    if name in _former_names:
        name = _former_names[name].name
    if name in _tasks:
        return _tasks[name]
    try:
        found = import_string(name)
    except ImportError:
        found = None
    if not isinstance(found, django_tasks.base.Task):
        raise UnknownTask(f"This release has no task {name!r}.")
    return found


def convert(name, args, kwargs):
    """Convert the name and arguments of a stored job to the current ones.

    Raises ObsoleteTask if there is nothing left to do. May change rows, so call it in the transaction that stores the
    result.
    """
    if not is_former(name):
        return name, args, kwargs
    former = _former_names[name]
    if former.name is None:
        raise ObsoleteTask(f"{name} is no longer needed.")
    if former.adapt:
        args, kwargs = former.adapt(*args, **kwargs)
    return former.name, args, kwargs
