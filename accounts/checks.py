from django.core.checks import Warning, register
from django_tasks import task_backends
from django_tasks_db import DatabaseBackend

from accounts.jobs.backend import JobBackend


@register
def check_task_backend(app_configs, **kwargs):
    """Jobs in the database are stored under names that last."""
    backend = task_backends["default"]
    if not isinstance(backend, DatabaseBackend) or isinstance(backend, JobBackend):
        return []
    return [
        Warning(
            "Jobs are stored under the paths of their functions: those that wait are lost when a function moves.",
            hint='Set the BACKEND of TASKS["default"] to "accounts.jobs.backend.JobBackend".',
            id="accounts.W001",
        )
    ]
