from asgiref.sync import sync_to_async
from django.core.exceptions import ValidationError
from django_tasks.exceptions import TaskResultDoesNotExist
from django_tasks.utils import normalize_json
from django_tasks_db import DatabaseBackend

from accounts.jobs import registry


class JobBackend(DatabaseBackend):
    """The backend of django-tasks-db, except that its rows are `Job`s and hold the name of a task instead of its path."""

    # Django loads the backend before the models, so the models are imported inside the methods.

    def _task_to_db_task(self, task, args, kwargs):
        from accounts.jobs.library import get_date_max
        from accounts.jobs.models import Job

        return Job.objects.create(
            id=self._get_id(),
            args_kwargs=normalize_json({"args": args, "kwargs": kwargs}),
            priority=task.priority,
            task_path=registry.name_of(task),
            queue_name=task.queue_name,
            run_after=task.run_after or get_date_max(),
            backend_name=self.alias,
        )

    async def _atask_to_db_task(self, task, args, kwargs):
        return await sync_to_async(self._task_to_db_task)(task, args, kwargs)

    def get_result(self, result_id):
        from accounts.jobs.models import Job

        try:
            return Job.objects.get(pk=result_id).task_result
        except (Job.DoesNotExist, ValidationError) as error:
            raise TaskResultDoesNotExist(result_id) from error

    async def aget_result(self, result_id):
        return await sync_to_async(self.get_result)(result_id)
