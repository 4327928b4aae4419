"""Jobs that the running code doesn't know, or whose arguments it doesn't take."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import django_tasks
import pytest
import time_machine
from django.urls import reverse

from accounts.checks import check_task_backend
from accounts.emails import outbox
from accounts.jobs import registry
from accounts.jobs.worker import Worker
from accounts.models import Delivery, Job
from accounts.models.job import MOST_WORKERS, UNKNOWN_DELAY, UNKNOWN_EXPIRY
from accounts.tests.factories import UserFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
done = []


@registry.task("tests.note", formerly=["tests.old.note"])
def note(word):
    done.append(word)


@django_tasks.task()
def unnamed(word):
    done.append(word)


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_done():
    done.clear()


@pytest.fixture
def stored():
    """Returns a function that stores a job as another release would have, and returns it."""

    def stored(name, args=(), **fields):
        note.enqueue("x")
        job = Job.objects.latest("enqueued_at")
        fields = {"task_path": name, "args_kwargs": {"args": list(args), "kwargs": {}}} | fields
        Job.objects.filter(pk=job.pk).update(**fields)
        return job

    return stored


def refreshed(job):
    job.refresh_from_db()
    return job


class TestNames:
    def test_the_name_is_stored_and_finds_the_function_wherever_it_is(self, run_jobs):
        result = note.enqueue("here")
        assert Job.objects.get().task_path == "tests.note"
        assert note.get_result(result.id).args == ["here"]

        def note_elsewhere(word):
            done.append(f"{word} elsewhere")

        with mock.patch.object(registry, "_tasks", {"tests.note": mock.Mock(wraps=note)}) as tasks:
            moved = tasks["tests.note"]
            moved.using.return_value = moved
            moved.takes_context, moved.func, moved.call = False, note_elsewhere, note_elsewhere
            Worker().run_task(Worker().take())
        assert done == ["here elsewhere"]

    def test_a_task_without_a_name_is_stored_under_its_path(self, run_jobs):
        unnamed.enqueue("x")
        assert Job.objects.get().task_path == "accounts.tests.test_stored_jobs.unnamed"
        assert run_jobs() == ["SUCCESSFUL"]

    def test_a_former_name_is_replaced_when_the_job_runs(self, stored, run_jobs):
        job = stored("tests.old.note", ["old"])
        assert run_jobs() == ["SUCCESSFUL"]
        assert done == ["old"]
        assert refreshed(job).task_path == "tests.note"

    def test_former_arguments_are_adapted_once(self, stored, run_jobs):
        job = stored("tests.older.note", ["two", "words"])
        with mock.patch.dict(registry._former):
            registry.replace("tests.older.note", "tests.note", lambda a, b: ([f"{a} {b}"], {}))
            assert run_jobs() == ["SUCCESSFUL"]
        assert done == ["two words"]
        assert refreshed(job).args_kwargs == {"args": ["two words"], "kwargs": {}}

    def test_a_job_that_is_no_longer_needed_is_done(self, stored, run_jobs, caplog):
        job = stored("tests.retired")
        with mock.patch.dict(registry._former):
            registry.retire("tests.retired")
            assert run_jobs() == ["SUCCESSFUL"]
        assert refreshed(job).return_value == "Obsolete: tests.retired is no longer needed."
        assert "nothing was left to do" in caplog.text


class TestUnknownTasks:
    @pytest.mark.parametrize(
        "name", ["newer.task", "no dots", "accounts.models.User", "accounts.tasks.gone", ""]
    )
    def test_the_job_waits_costs_nothing_and_runs_once_its_task_is_known(self, stored, run_jobs, name):
        with time_machine.travel(NOON, tick=False) as clock:
            job = stored(name, ["kept"])
            assert run_jobs() == ["READY"]
            assert run_jobs() == []
            assert (
                refreshed(job).cause
                == f"accounts.jobs.registry.UnknownTask: This release has no task {name!r}."
            )
            assert list(Job.objects.unknown()) == [job]
            assert not Job.objects.late(timedelta(minutes=10)).exists()

            clock.shift(UNKNOWN_DELAY)
            assert run_jobs() == ["READY"]
            with mock.patch.dict(registry._tasks, {name: note}):
                Worker().release_known()
                assert run_jobs() == ["SUCCESSFUL"]
        assert done == ["kept"]
        assert not Job.objects.unknown().exists()

    def test_it_is_logged_once_however_many_wait(self, stored, caplog):
        worker = Worker(batch=True)
        for name in ("newer.a", "newer.a", "newer.b"):
            stored(name)
            worker.run_task(worker.take())
        assert [record.getMessage() for record in caplog.records] == [
            "A job waits: This release has no task 'newer.a'.",
            "A job waits: This release has no task 'newer.b'.",
        ]

    def test_looking_at_it_often_does_not_count_as_trying(self, stored, run_jobs):
        with time_machine.travel(NOON, tick=False) as clock:
            job = stored("newer.task")
            for _look in range(MOST_WORKERS + 1):
                assert run_jobs() == ["READY"]
                clock.shift(UNKNOWN_DELAY)
        assert refreshed(job).tries == 0

    def test_it_fails_when_it_is_too_old_and_its_email_with_it(self, stored, run_jobs):
        delivery = Delivery.objects.create(kind="x", key="y", recipient=UserFactory())
        with time_machine.travel(NOON, tick=False) as clock:
            job = stored("emails.deliver_in_another_way", [delivery.pk])
            clock.shift(UNKNOWN_EXPIRY + timedelta(minutes=1))
            assert run_jobs() == ["FAILED"]
            assert refreshed(job).cause.endswith("This release has no task 'emails.deliver_in_another_way'.")
            delivery.refresh_from_db()
            assert delivery.state == Delivery.State.FAILED


class TestArguments:
    @pytest.mark.parametrize(
        "stored_arguments",
        [
            {"args": [], "kwargs": {}},
            {"args": ["a", "b"], "kwargs": {}},
            {"args": ["a"], "kwargs": {"tone": "loud"}},
            {},
            [],
            "args",
            {"args": 1, "kwargs": {}},
        ],
    )
    def test_arguments_that_do_not_fit_fail_the_job_at_once_and_not_the_worker(
        self, stored, run_jobs, stored_arguments
    ):
        job = stored("tests.note", args_kwargs=stored_arguments)
        note.enqueue("next")
        assert sorted(run_jobs()) == ["FAILED", "SUCCESSFUL"]
        assert "ArgumentMismatch: " in refreshed(job).cause
        assert done == ["next"]

    def test_trying_again_works_once_the_code_fits(self, stored, run_jobs):
        job = stored("tests.note", ["a", "b"])
        run_jobs()
        with mock.patch.dict(registry._former):
            registry.replace("tests.note", "tests.note", lambda *words: (["+".join(words)], {}))
            assert refreshed(job).try_again()
            assert run_jobs() == ["SUCCESSFUL"]
        assert done == ["a+b"]

    def test_a_type_error_of_the_task_itself_is_what_it_is(self, stored, run_jobs):
        job = stored("accounts.recount", [5])
        assert run_jobs() == ["FAILED"]
        assert refreshed(job).cause.startswith("TypeError: ")


def test_the_check_asks_for_the_backend_that_stores_names(settings):
    assert check_task_backend(None) == []
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    assert [warning.id for warning in check_task_backend(None)] == ["accounts.W001"]
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}}
    assert check_task_backend(None) == []


def test_the_admin_shows_jobs_whose_task_is_unknown(stored, run_jobs, client):
    stored("newer.task")
    run_jobs()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = client.get(reverse("admin:accounts_job_changelist"), {"state": "unknown"}).content.decode()
    assert "newer.task" in page
    assert "This release has no task" in page


def test_a_job_that_kills_its_workers_ends_its_email_too():
    delivery = Delivery.objects.create(kind="x", key="y", recipient=UserFactory())
    outbox.deliver.enqueue(delivery.pk, {})
    Worker().take()
    Job.objects.update(worker_ids=["elsewhere:1:x"] * MOST_WORKERS, started_at=NOON)
    Worker().bring_back()
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.FAILED


def test_a_retired_task_is_not_found():
    with mock.patch.dict(registry._former):
        registry.retire("tests.gone")
        with pytest.raises(registry.UnknownTask, match="no longer has the task 'tests.gone'"):
            registry.find("tests.gone")
