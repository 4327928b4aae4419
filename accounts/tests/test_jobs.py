import threading
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.urls import reverse
from django_tasks import task

from accounts.jobs import errors, periodic, worker
from accounts.jobs.errors import RETRY_DELAYS, describe, is_transient
from accounts.jobs.models import LOST_AFTER, MAX_ATTEMPTS_LOST, Job, PeriodicRun
from accounts.tests.factories import UserFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILURES = {"away": ConnectionRefusedError("away"), "broken": ValueError("broken")}
# What `append` was called with.
calls = []


@task()
def append(value):
    calls.append(value)


@task()
def fail(name):
    raise FAILURES[name]


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_calls():
    calls.clear()


def test_a_transient_failure_is_retried_for_a_day_with_growing_delays(run_jobs):
    with time_machine.travel(NOON, tick=False) as clock:
        fail.enqueue("away")
        for delay in RETRY_DELAYS:
            assert run_jobs() == ["READY"]
            assert delay <= Job.objects.get().run_after - datetime.now(UTC) <= delay * 1.2
            clock.shift(delay * 1.2)
        assert run_jobs() == ["FAILED"]

    job = Job.objects.get()
    assert (job.attempts, job.last_error) == (len(RETRY_DELAYS) + 1, "ConnectionRefusedError: away")
    assert timedelta(hours=20) < sum(RETRY_DELAYS, timedelta()) < timedelta(hours=26)


def test_a_permanent_failure_is_not_retried(run_jobs):
    fail.enqueue("broken")

    assert run_jobs() == ["FAILED"]
    assert Job.objects.get().last_error == "ValueError: broken"


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (TimeoutError(), True),
        (ConnectionRefusedError("away"), True),
        (OperationalError("database is locked"), True),
        (SystemExit(1), True),
        (KeyboardInterrupt(), True),
        (ValueError(), False),
    ],
)
def test_errors_that_end_by_themselves_are_transient(error, transient):
    assert is_transient(error) is transient


def test_the_test_of_the_most_specific_class_decides():
    with mock.patch.dict(errors._tests):
        errors.transient_test(LookupError)(lambda error: True)
        errors.transient_test(KeyError)(lambda error: False)
        assert is_transient(IndexError())
        assert not is_transient(KeyError())


def test_an_error_is_described_on_one_line():
    assert describe(TimeoutError("timed\r\nout")) == "TimeoutError: timed out"


class TestLostWorkers:
    @pytest.fixture
    def claimed(self):
        """A job that another worker has claimed."""
        append.enqueue("x")
        return worker.Worker().claim_next()

    def requeue_lost(self):
        worker.Worker().requeue_lost()

    def test_the_job_of_a_killed_worker_is_run_by_the_next_worker(self, claimed, run_jobs):
        with mock.patch("accounts.jobs.worker.is_alive", return_value=True):
            Job.objects.update(worker_ids=[claimed.worker_ids[0].replace(":", ":1", 1)])
            self.requeue_lost()
            assert run_jobs() == []
        with mock.patch("accounts.jobs.worker.is_alive", return_value=False):
            self.requeue_lost()

        assert run_jobs() == ["SUCCESSFUL"]
        assert calls == ["x"]

    def test_a_restarted_container_recovers_its_own_job(self, claimed, run_jobs):
        self.requeue_lost()  # The same process id, but another worker.

        assert run_jobs() == ["SUCCESSFUL"]

    def test_the_job_of_another_machine_is_recovered_after_a_while(self, claimed, run_jobs):
        Job.objects.update(worker_ids=["elsewhere:1:x"])
        self.requeue_lost()
        assert run_jobs() == []

        with time_machine.travel(datetime.now(UTC) + LOST_AFTER + timedelta(seconds=1)):
            self.requeue_lost()
            assert run_jobs() == ["SUCCESSFUL"]

    def test_a_job_that_kills_its_workers_fails(self, claimed):
        Job.objects.update(worker_ids=["elsewhere:1:x"] * (MAX_ATTEMPTS_LOST - 1) + claimed.worker_ids)
        self.requeue_lost()

        assert Job.objects.get().status == "FAILED"
        assert "workers were killed while they ran this job" in Job.objects.get().last_error

    def test_a_worker_is_only_dead_if_its_process_on_this_machine_has_ended(self):
        assert worker.is_alive(1)
        assert not worker.is_known_dead("", "own")
        assert not worker.is_known_dead("elsewhere:1:x", "own")


@pytest.mark.django_db(transaction=True)
def test_several_workers_run_each_job_once():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite takes one worker.")
    for number in range(60):
        append.enqueue(number)

    def work():
        another = worker.Worker(batch=True)
        another.next_housekeeping = float("inf")
        another.run()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(calls) == list(range(60))


@pytest.fixture
def idle_worker(transactional_db):
    """The worker command without periodic tasks and without signal handlers in this process."""
    with (
        mock.patch.object(worker.Worker, "do_housekeeping"),
        mock.patch.object(worker.Worker, "handle_signals"),
    ):
        yield


def test_a_worker_ends_after_the_given_number_of_jobs(idle_worker):
    for letter in "abc":
        append.enqueue(letter)
    call_command("worker", max_jobs=2)
    assert calls == ["a", "b"]

    call_command("worker", batch=True)
    assert calls == ["a", "b", "c"]


def test_sqlite_takes_one_worker(idle_worker):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL takes any number of workers.")
    with worker.single_sqlite_worker(), pytest.raises(CommandError, match="Another worker"):
        call_command("worker", batch=True)
    call_command("worker", batch=True)


class TestSchedule:
    @pytest.fixture(autouse=True)
    def _only_ours(self):
        with mock.patch.dict(periodic._periodic_tasks, clear=True):
            periodic.register(periodic_example, timedelta(hours=1))
            yield

    def test_a_task_is_enqueued_once_in_each_period(self):
        with time_machine.travel(NOON, tick=False) as clock:
            assert periodic.enqueue_due() == ["accounts.tests.test_jobs.periodic_example"]
            assert periodic.enqueue_due() == []
            clock.shift(timedelta(minutes=59))
            assert periodic.enqueue_due() == []
            clock.shift(timedelta(minutes=1))
            assert len(periodic.enqueue_due()) == 1
            clock.shift(timedelta(days=3))  # No worker was running.
            assert len(periodic.enqueue_due()) == 1
        assert Job.objects.count() == 3

    def test_a_period_can_be_claimed_once(self):
        assert PeriodicRun.claim("x", 7, lambda: None)
        assert not PeriodicRun.claim("x", 7, lambda: pytest.fail("Enqueued twice."))
        assert not PeriodicRun.claim("x", 6, lambda: pytest.fail("Enqueued for an earlier period."))

    def test_a_period_is_claimed_and_its_job_stored_together_or_not_at_all(self):
        with mock.patch("accounts.jobs.models.Job.save", side_effect=RuntimeError):
            with pytest.raises(RuntimeError):
                periodic.enqueue_due()

        assert len(periodic.enqueue_due()) == 1


@task()
def periodic_example():
    pass


class TestAdmin:
    @pytest.fixture
    def admin(self, client):
        client.force_login(UserFactory(is_staff=True, is_superuser=True))
        return client

    def test_failed_jobs_are_shown_with_their_error_and_can_be_retried(self, admin, run_jobs):
        fail.enqueue("broken")
        append.enqueue("secret")
        run_jobs()
        url = reverse("admin:accounts_job_changelist")
        page = admin.get(url).content.decode()
        assert "ValueError: broken" in page
        assert "secret" not in page
        for state in ("waiting", "running", "done", "all"):
            assert admin.get(url, {"state": state}).status_code == 200
        failed = Job.objects.failed().get()
        detail = admin.get(reverse("admin:accounts_job_change", args=[failed.pk])).content.decode()
        assert "Traceback" in detail

        response = admin.post(url, {"action": "retry", "_selected_action": [failed.pk]}, follow=True)
        assert "1 job is waiting to run again." in response.content.decode()
        with mock.patch.dict(FAILURES, broken=ConnectionRefusedError("another reason")):
            assert run_jobs() == ["READY"]
        assert not failed.retry()
