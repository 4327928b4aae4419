"""What the jobs rely on in django-tasks-db. If an update fails here, read its changes before you change `accounts/jobs/`."""

import ast
import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db import DatabaseBackend

from accounts.jobs.library import DBTaskResult, DBTaskResultQuerySet, exclusive_transaction, get_date_max
from accounts.jobs.models import Job
from accounts.jobs.registry import task

# The only modules that import the library. `django_tasks` is Django's own API for tasks and may be imported anywhere.
SEAM = {"accounts/jobs/library.py", "accounts/jobs/backend.py", "accounts/jobs/admin.py"}
FIELDS = {
    "id": models.UUIDField,
    "status": models.CharField,
    "enqueued_at": models.DateTimeField,
    "started_at": models.DateTimeField,
    "finished_at": models.DateTimeField,
    "args_kwargs": models.JSONField,
    "priority": models.IntegerField,
    "task_path": models.TextField,
    "worker_ids": models.JSONField,
    "queue_name": models.CharField,
    "backend_name": models.CharField,
    "run_after": models.DateTimeField,
    "return_value": models.JSONField,
    "exception_class_path": models.TextField,
    "traceback": models.TextField,
}


@task("tests.library")
def example(text):
    return text


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_few_modules_import_the_library():
    root = Path(settings.BASE_DIR)
    importing = {
        str(path.relative_to(root))
        for app in ("accounts", "posts", "socializer")
        for path in (root / app).rglob("*.py")
        if "tests" not in path.parts
        and any(name.split(".")[0] == "django_tasks_db" for name in imported_modules(path))
    }
    assert importing == SEAM


def test_the_table_has_the_columns_that_jobs_fill():
    fields = DBTaskResult._meta.get_fields()
    assert {field.name: type(field) for field in fields} == FIELDS
    assert set(TaskResultStatus.values) == {"READY", "RUNNING", "FAILED", "SUCCESSFUL"}
    assert Job._meta.db_table == "django_tasks_database_dbtaskresult"


def test_ready_jobs_come_in_order_of_priority_and_time_from_an_index():
    ordering = [
        (expression.expression.name, expression.descending) for expression in DBTaskResult._meta.ordering
    ]
    assert ordering == [("priority", True), ("run_after", False), ("enqueued_at", False)]
    assert [index.name for index in DBTaskResult._meta.indexes][0] == "tasks_db_new_ordering_idx"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (DBTaskResultQuerySet.ready, ["self"]),
        (DBTaskResultQuerySet.running, ["self"]),
        (DBTaskResultQuerySet.failed, ["self"]),
        (DBTaskResultQuerySet.get_locked, ["self"]),
        (DBTaskResult.claim, ["self", "worker_id"]),
        (DBTaskResult.task_result.fget, ["self"]),
        (DBTaskResult.set_successful, ["self", "return_value"]),
        (DBTaskResult.set_failed, ["self", "exc"]),
        (DatabaseBackend._get_id, ["self"]),
        (DatabaseBackend._task_to_db_task, ["self", "task", "args", "kwargs"]),
        (DatabaseBackend._atask_to_db_task, ["self", "task", "args", "kwargs"]),
        (DatabaseBackend.get_result, ["self", "result_id"]),
        (get_date_max, []),
        (exclusive_transaction, ["using"]),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_functions_take_the_arguments_that_we_pass(function, arguments):
    assert list(inspect.signature(function).parameters) == arguments


def public_names(library_class):
    return {
        name for name, value in vars(library_class).items() if inspect.isfunction(value) and name[0] != "_"
    }


def test_the_library_has_no_methods_that_we_do_not_know():
    """A new method could write rows in a way that our jobs don't expect."""
    assert public_names(DBTaskResult) == {"claim", "set_successful", "set_failed"}
    assert public_names(DBTaskResultQuerySet) == {
        *("ready", "successful", "failed", "running", "finished", "get_locked"),
    }
    assert public_names(DatabaseBackend) == {"enqueue", "aenqueue", "get_result", "aget_result", "check"}


@pytest.mark.django_db
class TestBehaviour:
    def test_a_job_goes_from_ready_to_running_and_its_result_can_be_read(self):
        result = example.enqueue("text")
        job = Job.objects.ready().get()
        assert (job.task_path, job.run_after, job.worker_ids) == ("tests.library", get_date_max(), [])
        assert job.args_kwargs == {"args": ["text"], "kwargs": {}}

        job.claim("worker")
        stored = Job.objects.running().get()
        assert (stored.worker_ids, stored.started_at is not None) == (["worker"], True)
        job.set_successful("text")
        assert example.get_result(result.id).return_value == "text"

    def test_a_job_is_ready_when_its_time_has_come(self):
        now = timezone.now()
        example.using(run_after=now + timedelta(hours=1)).enqueue("later")
        assert not Job.objects.ready().exists()
        Job.objects.update(run_after=now - timedelta(seconds=1))
        assert Job.objects.ready().exists()
        assert get_date_max() == datetime(9999, 1, 1, tzinfo=UTC)

    def test_claiming_skips_locked_rows(self):
        if not connection.features.has_select_for_update_skip_locked:
            pytest.skip("SQLite has one lock.")
        example.enqueue("text")
        with CaptureQueriesContext(connection) as queries, exclusive_transaction():
            Job.objects.ready().get_locked()
        assert any("SKIP LOCKED" in query["sql"] for query in queries)


def test_the_library_has_no_new_migration():
    """A migration may change the table that holds the jobs."""
    folder = Path(apps.get_app_config("django_tasks_database").path, "migrations")
    assert max(path.stem for path in folder.glob("0*.py")) == "0021_conditional_partial_index_ordering"
