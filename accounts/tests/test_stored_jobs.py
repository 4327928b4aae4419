"""Jobs with tasks that this release doesn't know, or with arguments that their tasks don't take."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import django_tasks
import pytest
import time_machine
from django.urls import reverse

from accounts.checks import check_task_backend
from accounts.emails import outbox
from accounts.emails.models import Delivery
from accounts.jobs import registry
from accounts.jobs.models import MAX_ATTEMPTS_LOST, UNKNOWN_DELAY, UNKNOWN_EXPIRY, Job
from accounts.jobs.worker import Worker
from accounts.tests.factories import UserFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# What the tasks were called with.
calls = []


@registry.task("tests.append", formerly=["tests.old.append"])
def append(value):
    calls.append(value)


@django_tasks.task()
def unnamed(value):
    calls.append(value)


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_calls():
    calls.clear()


@pytest.fixture
def stored():
    """Returns a function that stores a job as another release would have stored it, and returns the job."""

    def stored(name, args=(), **fields):
        append.enqueue("x")
        job = Job.objects.latest("enqueued_at")
        fields = {"task_path": name, "args_kwargs": {"args": list(args), "kwargs": {}}} | fields
        Job.objects.filter(pk=job.pk).update(**fields)
        return job

    return stored


def refreshed(job):
    job.refresh_from_db()
    return job


class TestNames:
    def test_the_stored_name_finds_a_function_that_has_moved(self, run_jobs):
        result = append.enqueue("here")
        assert Job.objects.get().task_path == "tests.append"
        assert append.get_result(result.id).args == ["here"]

        def moved_append(value):
            calls.append(f"{value} elsewhere")

        with mock.patch.object(registry, "_tasks", {"tests.append": mock.Mock(wraps=append)}) as tasks:
            moved = tasks["tests.append"]
            moved.using.return_value = moved
            moved.takes_context, moved.func, moved.call = False, moved_append, moved_append
            Worker().run_job(Worker().claim_next())
        assert calls == ["here elsewhere"]

    def test_a_task_without_a_name_is_stored_under_its_path(self, run_jobs):
        unnamed.enqueue("x")
        assert Job.objects.get().task_path == "accounts.tests.test_stored_jobs.unnamed"
        assert run_jobs() == ["SUCCESSFUL"]

    def test_a_former_name_is_replaced_when_the_job_runs(self, stored, run_jobs):
        job = stored("tests.old.append", ["old"])
        assert run_jobs() == ["SUCCESSFUL"]
        assert calls == ["old"]
        assert refreshed(job).task_path == "tests.append"

    def test_former_arguments_are_adapted_once(self, stored, run_jobs):
        job = stored("tests.older.append", ["two", "words"])
        with mock.patch.dict(registry._former_names):
            registry.replace("tests.older.append", "tests.append", lambda a, b: ([f"{a} {b}"], {}))
            assert run_jobs() == ["SUCCESSFUL"]
        assert calls == ["two words"]
        assert refreshed(job).args_kwargs == {"args": ["two words"], "kwargs": {}}

    def test_a_job_that_is_no_longer_needed_succeeds_without_a_call(self, stored, run_jobs, caplog):
        job = stored("tests.retired")
        with mock.patch.dict(registry._former_names):
            registry.retire("tests.retired")
            assert run_jobs() == ["SUCCESSFUL"]
        assert refreshed(job).return_value == "Obsolete: tests.retired is no longer needed."
        assert "there was nothing left to do" in caplog.text


class TestUnknownTasks:
    @pytest.mark.parametrize(
        "name", ["newer.task", "no dots", "accounts.models.User", "accounts.tasks.gone", ""]
    )
    def test_the_job_waits_and_runs_once_its_task_is_known(self, stored, run_jobs, name):
        with time_machine.travel(NOON, tick=False) as clock:
            job = stored(name, ["x"])
            assert run_jobs() == ["READY"]
            assert run_jobs() == []
            assert (
                refreshed(job).last_error
                == f"accounts.jobs.registry.UnknownTask: This release has no task {name!r}."
            )
            assert list(Job.objects.unknown()) == [job]
            assert not Job.objects.overdue(timedelta(minutes=10)).exists()

            clock.shift(UNKNOWN_DELAY)
            assert run_jobs() == ["READY"]
            with mock.patch.dict(registry._tasks, {name: append}):
                Job.objects.requeue_known()
                assert run_jobs() == ["SUCCESSFUL"]
        assert calls == ["x"]
        assert not Job.objects.unknown().exists()

    def test_each_unknown_task_is_logged_once(self, stored, caplog):
        worker = Worker(batch=True)
        for name in ("newer.a", "newer.a", "newer.b"):
            stored(name)
            worker.run_job(worker.claim_next())
        assert [record.getMessage() for record in caplog.records] == [
            "A job has to wait: This release has no task 'newer.a'.",
            "A job has to wait: This release has no task 'newer.b'.",
        ]

    def test_looking_at_the_job_is_not_an_attempt(self, stored, run_jobs):
        with time_machine.travel(NOON, tick=False) as clock:
            job = stored("newer.task")
            for _look in range(MAX_ATTEMPTS_LOST + 1):
                assert run_jobs() == ["READY"]
                clock.shift(UNKNOWN_DELAY)
        assert refreshed(job).attempts == 0

    def test_the_job_and_its_email_fail_when_the_job_is_too_old(self, stored, run_jobs):
        delivery = Delivery.objects.create(type="x", key="y", recipient=UserFactory())
        with time_machine.travel(NOON, tick=False) as clock:
            job = stored("emails.deliver_in_another_way", [delivery.pk])
            clock.shift(UNKNOWN_EXPIRY + timedelta(minutes=1))
            assert run_jobs() == ["FAILED"]
            assert refreshed(job).last_error.endswith(
                "This release has no task 'emails.deliver_in_another_way'."
            )
            delivery.refresh_from_db()
            assert delivery.state == Delivery.State.FAILED


class TestArguments:
    @pytest.mark.parametrize(
        "stored_arguments",
        [
            {"args": [], "kwargs": {}},
            {"args": ["a", "b"], "kwargs": {}},
            {"args": ["a"], "kwargs": {"extra": "b"}},
            {},
            [],
            "args",
            {"args": 1, "kwargs": {}},
        ],
    )
    def test_mismatched_arguments_fail_the_job_at_once_and_not_the_worker(
        self, stored, run_jobs, stored_arguments
    ):
        job = stored("tests.append", args_kwargs=stored_arguments)
        append.enqueue("next")
        assert sorted(run_jobs()) == ["FAILED", "SUCCESSFUL"]
        assert "ArgumentMismatch: " in refreshed(job).last_error
        assert calls == ["next"]

    def test_a_retry_succeeds_once_the_code_takes_the_arguments(self, stored, run_jobs):
        job = stored("tests.append", ["a", "b"])
        run_jobs()
        with mock.patch.dict(registry._former_names):
            registry.replace("tests.append", "tests.append", lambda *values: (["+".join(values)], {}))
            assert refreshed(job).retry()
            assert run_jobs() == ["SUCCESSFUL"]
        assert calls == ["a+b"]

    def test_a_type_error_in_the_task_is_not_an_argument_mismatch(self, stored, run_jobs):
        job = stored("accounts.recount", [5])
        assert run_jobs() == ["FAILED"]
        assert refreshed(job).last_error.startswith("TypeError: ")


def test_the_system_check_asks_for_the_backend_that_stores_names(settings):
    assert check_task_backend(None) == []
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    assert [warning.id for warning in check_task_backend(None)] == ["accounts.W001"]


def test_the_admin_lists_jobs_with_unknown_tasks(stored, run_jobs, client):
    stored("newer.task")
    run_jobs()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = client.get(reverse("admin:accounts_job_changelist"), {"state": "unknown"}).content.decode()
    assert "newer.task" in page
    assert "This release has no task" in page


def test_the_email_of_a_job_that_kills_its_workers_fails_too():
    delivery = Delivery.objects.create(type="x", key="y", recipient=UserFactory())
    outbox.deliver.enqueue(delivery.pk, {})
    Worker().claim_next()
    Job.objects.update(worker_ids=["elsewhere:1:x"] * MAX_ATTEMPTS_LOST, started_at=NOON)
    Worker().requeue_lost()
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.FAILED


def test_a_retired_task_is_not_found():
    with mock.patch.dict(registry._former_names):
        registry.retire("tests.gone")
        with pytest.raises(registry.UnknownTask, match="no longer has the task 'tests.gone'"):
            registry.find("tests.gone")
