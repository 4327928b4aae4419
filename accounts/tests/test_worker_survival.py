"""The worker survives every database error, loses no job, and logs one line about it."""

import signal
from datetime import UTC, datetime, timedelta
from unittest import mock

import psycopg.errors
import pytest
import time_machine
from django import db
from django.db import connection
from django_tasks import task

from accounts.jobs import periodic
from accounts.jobs.errors import is_transient
from accounts.jobs.models import Job
from accounts.jobs.worker import LONGEST_PAUSE, Worker

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ERRORS = [
    db.DataError,
    db.IntegrityError,
    db.InterfaceError,
    db.InternalError,
    db.NotSupportedError,
    db.OperationalError,
    db.ProgrammingError,
]
# What the tasks were called with, and the result that `append` returns.
calls = []
results = []


@task()
def append(value):
    calls.append(value)
    return results[0] if results else None


@task()
def break_connection(value):
    """Lose the database connection during the first call."""
    calls.append(value)
    if len(calls) == 1:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            else:
                connection.connection.close()
                cursor.execute("SELECT 1")


@task()
def fail(error):
    raise getattr(db, error)("rejected")


@pytest.fixture(autouse=True)
def _no_calls():
    calls.clear()
    results.clear()


@pytest.fixture
def worker():
    """A worker without housekeeping that records its pauses instead of sleeping, and stops when no job is ready."""
    worker = Worker()
    worker.pauses = []

    def pause(seconds):
        worker.pauses.append(seconds)
        assert len(worker.pauses) < 50, "The worker never continues."
        if seconds == worker.interval and not worker.ready().exists():
            worker.running = False

    worker.interval = 0.001
    with mock.patch.object(worker, "pause", pause), mock.patch.object(worker, "do_housekeeping"):
        yield worker


def log_lines(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "accounts.jobs.worker"]


@pytest.mark.django_db(transaction=True)
class TestClaiming:
    @pytest.mark.parametrize("error", ERRORS)
    def test_every_database_error_leads_to_growing_pauses_and_one_log_line(self, worker, caplog, error):
        append.enqueue("x")
        claim_next = mock.Mock(side_effect=[*[error("away\nfor long")] * 7, worker.claim_next(), None])
        Job.objects.update(status="RUNNING")
        with mock.patch.object(worker, "claim_next", claim_next):
            worker.run()

        assert calls == ["x"]
        assert worker.pauses[:7] == [1, 2, 4, 8, 16, 30, 30]
        failure, success = log_lines(caplog)
        assert failure == "The database failed while the worker was looking for a job"
        assert success.startswith("The database is available again after ")
        record = next(record for record in caplog.records if hasattr(record, "error"))
        assert record.error == f"{error.__name__}: away for long"
        assert record.exc_info is None

    def test_the_worker_reconnects_to_a_database_that_was_read_only(self, worker, caplog):
        append.enqueue("x")
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            else:
                cursor.execute("PRAGMA query_only = ON")
        with mock.patch.dict(connection.settings_dict, CONN_MAX_AGE=600):
            connection.close_at = None
            worker.run()
        assert calls == ["x"]
        assert 1 in worker.pauses
        assert len(log_lines(caplog)) == 2

    def test_the_worker_stops_during_a_pause_when_it_is_told_to(self, worker):
        def stop(seconds):
            worker.running = False

        with mock.patch("accounts.jobs.worker.time.sleep", side_effect=stop) as sleep:
            Worker.pause(worker, 30)
        sleep.assert_called_once_with(0.5)

        worker.running = True
        with (
            mock.patch.object(worker, "claim_next", side_effect=db.OperationalError),
            mock.patch.object(worker, "pause", side_effect=stop),
        ):
            worker.run()
        assert not calls

    def test_a_batch_ends_with_an_error_after_half_a_minute(self):
        worker = Worker(batch=True)
        with (
            mock.patch.object(worker, "claim_next", side_effect=db.OperationalError("away")),
            mock.patch.object(worker, "pause") as pause,
            pytest.raises(db.OperationalError),
        ):
            worker.run()
        assert sum(call.args[0] for call in pause.call_args_list) == 31


@pytest.mark.django_db(transaction=True)
class TestRecording:
    @pytest.mark.parametrize("error", [db.OperationalError, db.InternalError, db.InterfaceError])
    def test_a_job_whose_outcome_could_not_be_stored_is_neither_lost_nor_run_twice(self, worker, error):
        append.enqueue("x")
        stores = mock.Mock(side_effect=[error, error, mock.DEFAULT])
        with mock.patch.object(Job, "_end_run", autospec=True, side_effect=Job._end_run) as end_run:
            real = end_run.side_effect
            end_run.side_effect = lambda job, **fields: stores() and real(job, **fields)
            worker.run()
        assert calls == ["x"]
        assert Job.objects.get().status == "SUCCESSFUL"
        assert worker.pauses[:2] == [1, 2]

    def test_the_next_worker_runs_a_job_whose_outcome_was_not_stored_before_the_stop(self, worker, run_jobs):
        append.enqueue("x")

        def stop(seconds):
            worker.running = False

        with (
            mock.patch.object(Job, "_end_run", side_effect=db.OperationalError),
            mock.patch.object(worker, "pause", stop),
        ):
            worker.run()
        assert Job.objects.get().status == "RUNNING"
        Worker().requeue_lost()
        assert run_jobs() == ["SUCCESSFUL"]

    @pytest.mark.parametrize("value", [object(), "\ud800", {"x": {1, 2}}])
    def test_a_result_that_databases_reject_is_a_failure(self, worker, value):
        append.enqueue("x")
        results.append(value)
        worker.run()
        job = Job.objects.get()
        assert job.status in ("FAILED", "SUCCESSFUL")  # JSON escapes surrogates.
        if job.status == "FAILED":
            assert "can't be stored" in job.last_error
        append.enqueue("y")
        results.clear()
        worker.running = True
        worker.run()
        assert calls == ["x", "y"]

    def test_the_outcome_is_not_stored_if_another_worker_has_the_job_by_now(self, worker):
        append.enqueue("x")
        job = worker.claim_next()
        Job.objects.update(started_at=NOON, worker_ids=["elsewhere:1:x"])
        worker.run_job(job)
        assert Job.objects.get().status == "RUNNING"

    def test_after_a_lost_connection_the_worker_reconnects_and_retries_the_job(self, worker):
        break_connection.enqueue("x")
        worker.run()
        job = Job.objects.get()
        assert (job.status, job.attempts) == ("READY", 1)
        Job.objects.update(run_after=NOON)
        worker.running = True
        worker.run()
        assert calls == ["x", "x"]
        assert Job.objects.get().status == "SUCCESSFUL"


@pytest.mark.django_db
class TestErrorsInJobs:
    @pytest.mark.parametrize("error", ERRORS)
    def test_a_job_is_retried_after_every_database_error(self, run_jobs, error):
        assert is_transient(error())
        fail.enqueue(error.__name__)
        assert run_jobs() == ["READY"]
        assert Job.objects.get().last_error.endswith("rejected")

    @pytest.mark.parametrize("cause", [psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure])
    def test_a_job_is_retried_at_once_after_a_conflict(self, cause):
        with time_machine.travel(NOON, tick=False):
            append.enqueue("x")
            job = Worker().claim_next()
            error = db.OperationalError("conflict")
            error.__cause__ = cause()
            job.set_failed(error)
            job.refresh_from_db()
            assert job.run_after - NOON <= timedelta(seconds=1.2)


class TestStopping:
    @pytest.fixture(autouse=True)
    def _signals_of_the_tests(self):
        before = {
            number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
        }
        yield
        for number, handler in before.items():
            signal.signal(number, handler)

    def test_an_idle_worker_ends_at_once(self):
        worker = Worker()
        worker.handle_signals()
        with pytest.raises(SystemExit) as stopped:
            signal.raise_signal(signal.SIGTERM)
        assert (stopped.value.code, worker.running) == (0, False)

    def test_a_busy_worker_ends_after_its_job_or_at_the_second_signal(self):
        worker = Worker()
        worker.busy = True
        worker.handle_signals()
        signal.raise_signal(signal.SIGTERM)
        assert not worker.running

        with pytest.raises(SystemExit) as stopped:
            signal.raise_signal(signal.SIGTERM)
        assert is_transient(stopped.value)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.django_db
class TestHousekeeping:
    def test_an_error_does_not_stop_the_other_actions_and_is_logged_once(self, caplog):
        worker = Worker()
        with (
            mock.patch.object(
                Worker, "requeue_lost", autospec=True, side_effect=db.ProgrammingError("no table")
            ) as requeue_lost,
            mock.patch.object(periodic, "enqueue_due") as enqueue,
        ):
            requeue_lost.__name__ = "requeue_lost"
            enqueue.__name__ = "enqueue_due"
            for _round in range(3):
                worker.next_housekeeping = 0
                worker.do_housekeeping()
        assert enqueue.call_count == 3
        assert log_lines(caplog) == ["Housekeeping failed in requeue_lost"]
        assert LONGEST_PAUSE == 30

    def test_a_periodic_task_that_cannot_be_enqueued_does_not_stop_the_others(self):
        broken = mock.Mock(
            func=fail.func, module_path="broken", enqueue=mock.Mock(side_effect=ValueError("broken"))
        )
        with mock.patch.dict(periodic._periodic_tasks, clear=True):
            periodic.register(broken, timedelta(hours=1))
            periodic.register(append, timedelta(hours=1))
            with (
                pytest.raises(ValueError, match="broken"),
                mock.patch("accounts.jobs.periodic.name_of", lambda task: task.module_path),
            ):
                periodic.enqueue_due()
        assert list(Job.objects.values_list("task_path", flat=True)) == [append.module_path]
