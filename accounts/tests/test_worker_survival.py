"""The worker goes on after whatever the database does, loses no job, and says so in one line."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import psycopg.errors
import pytest
import time_machine
from django import db
from django.db import connection
from django_tasks import task

from accounts.jobs import schedule
from accounts.jobs.trouble import may_pass
from accounts.jobs.worker import LONGEST_PAUSE, Worker
from accounts.models import Job

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
done = []
returned = []


@task()
def note(word):
    done.append(word)
    return returned[0] if returned else None


@task()
def break_connection(word):
    """Lose the connection in the middle of a job, the first time."""
    done.append(word)
    if len(done) == 1:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            else:
                connection.connection.close()
                cursor.execute("SELECT 1")


@task()
def fail(error):
    raise getattr(db, error)("said no")


@pytest.fixture(autouse=True)
def _nothing_done():
    done.clear()
    returned.clear()


@pytest.fixture
def worker():
    """A worker that has no periodic tasks, records its pauses instead of making them, and stops after what is ready."""
    worker = Worker()
    worker.pauses = []

    def pause(seconds):
        worker.pauses.append(seconds)
        assert len(worker.pauses) < 50, "It never goes on."
        if seconds == worker.interval and not worker.ready().exists():
            worker.running = False

    worker.interval = 0.001
    with mock.patch.object(worker, "pause", pause), mock.patch.object(worker, "keep_house"):
        yield worker


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "accounts.jobs.worker"]


@pytest.mark.django_db(transaction=True)
class TestTaking:
    @pytest.mark.parametrize("error", ERRORS)
    def test_any_error_of_the_database_costs_growing_pauses_and_one_line(self, worker, caplog, error):
        note.enqueue("x")
        take = mock.Mock(side_effect=[*[error("away\nfor long")] * 7, worker.take(), None])
        Job.objects.update(status="RUNNING")
        with mock.patch.object(worker, "take", take):
            worker.run()

        assert done == ["x"]
        assert worker.pauses[:7] == [1, 2, 4, 8, 16, 30, 30]
        failed, mended = lines(caplog)
        assert failed == "The database failed while the worker was looking for a job"
        assert mended.startswith("The database answers again, after ")
        record = next(record for record in caplog.records if hasattr(record, "error"))
        assert record.error == f"{error.__name__}: away for long"
        assert record.exc_info is None

    def test_a_database_that_was_read_only_is_connected_to_anew(self, worker, caplog):
        note.enqueue("x")
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            else:
                cursor.execute("PRAGMA query_only = ON")
        with mock.patch.dict(connection.settings_dict, CONN_MAX_AGE=600):
            connection.close_at = None
            worker.run()
        assert done == ["x"]
        assert 1 in worker.pauses
        assert len(lines(caplog)) == 2

    def test_told_to_stop_it_stops_in_the_middle_of_a_pause(self, worker):
        def stop(seconds):
            worker.running = False

        with mock.patch("accounts.jobs.worker.time.sleep", side_effect=stop) as sleep:
            Worker.pause(worker, 30)
        sleep.assert_called_once_with(0.5)

        worker.running = True
        with (
            mock.patch.object(worker, "take", side_effect=db.OperationalError),
            mock.patch.object(worker, "pause", side_effect=stop),
        ):
            worker.run()
        assert not done

    def test_with_batch_it_gives_up_after_half_a_minute(self):
        worker = Worker(batch=True)
        with (
            mock.patch.object(worker, "take", side_effect=db.OperationalError("away")),
            mock.patch.object(worker, "pause") as pause,
            pytest.raises(db.OperationalError),
        ):
            worker.run()
        assert sum(call.args[0] for call in pause.call_args_list) == 31


@pytest.mark.django_db(transaction=True)
class TestStoring:
    @pytest.mark.parametrize("error", [db.OperationalError, db.InternalError, db.InterfaceError])
    def test_a_job_whose_result_could_not_be_stored_is_neither_lost_nor_run_twice(self, worker, error):
        note.enqueue("x")
        stores = mock.Mock(side_effect=[error, error, mock.DEFAULT])
        with mock.patch.object(Job, "_end_run", autospec=True, side_effect=Job._end_run) as end_run:
            real = end_run.side_effect
            end_run.side_effect = lambda job, **fields: stores() and real(job, **fields)
            worker.run()
        assert done == ["x"]
        assert Job.objects.get().status == "SUCCESSFUL"
        assert worker.pauses[:2] == [1, 2]

    def test_told_to_stop_before_it_is_stored_the_job_is_left_to_the_next_worker(self, worker, run_jobs):
        note.enqueue("x")

        def stop(seconds):
            worker.running = False

        with (
            mock.patch.object(Job, "_end_run", side_effect=db.OperationalError),
            mock.patch.object(worker, "pause", stop),
        ):
            worker.run()
        assert Job.objects.get().status == "RUNNING"
        Worker().bring_back()
        assert run_jobs() == ["SUCCESSFUL"]

    @pytest.mark.parametrize("value", [object(), "\ud800", {"x": {1, 2}}])
    def test_a_result_that_no_database_takes_is_a_failure(self, worker, value):
        note.enqueue("x")
        returned.append(value)
        worker.run()
        job = Job.objects.get()
        assert job.status in ("FAILED", "SUCCESSFUL")  # JSON escapes surrogates.
        if job.status == "FAILED":
            assert "can't be stored" in job.cause
        note.enqueue("y")
        returned.clear()
        worker.running = True
        worker.run()
        assert done == ["x", "y"]

    def test_a_job_that_was_given_to_another_worker_meanwhile_is_left_to_it(self, worker):
        note.enqueue("x")
        job = worker.take()
        Job.objects.update(started_at=NOON, worker_ids=["elsewhere:1:x"])
        worker.run_task(job)
        assert Job.objects.get().status == "RUNNING"

    def test_a_connection_that_was_lost_in_a_job_is_made_again_and_the_job_tried_again(self, worker):
        break_connection.enqueue("x")
        worker.run()
        job = Job.objects.get()
        assert (job.status, job.tries) == ("READY", 1)
        Job.objects.update(run_after=NOON)
        worker.running = True
        worker.run()
        assert done == ["x", "x"]
        assert Job.objects.get().status == "SUCCESSFUL"


@pytest.mark.django_db
class TestErrorsInJobs:
    @pytest.mark.parametrize("error", ERRORS)
    def test_whatever_the_database_says_the_job_is_tried_again(self, run_jobs, error):
        assert may_pass(error())
        fail.enqueue(error.__name__)
        assert run_jobs() == ["READY"]
        assert Job.objects.get().cause.endswith("said no")

    @pytest.mark.parametrize("cause", [psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure])
    def test_after_a_conflict_it_is_tried_again_at_once(self, cause):
        with time_machine.travel(NOON, tick=False):
            note.enqueue("x")
            job = Worker().take()
            error = db.OperationalError("conflict")
            error.__cause__ = cause()
            job.set_failed(error)
            job.refresh_from_db()
            assert job.run_after - NOON <= timedelta(seconds=1.2)


@pytest.mark.django_db
class TestHousekeeping:
    def test_what_fails_does_not_stop_the_rest_and_is_logged_once(self, caplog):
        worker = Worker()
        with (
            mock.patch.object(
                Worker, "bring_back", autospec=True, side_effect=db.ProgrammingError("no table")
            ) as back,
            mock.patch.object(schedule, "enqueue_due") as enqueue,
        ):
            back.__name__ = "bring_back"
            enqueue.__name__ = "enqueue_due"
            for _round in range(3):
                worker.next_housekeeping = 0
                worker.keep_house()
        assert enqueue.call_count == 3
        assert lines(caplog) == ["Housekeeping failed in bring_back"]
        assert LONGEST_PAUSE == 30

    def test_a_periodic_task_that_cannot_be_enqueued_does_not_stop_the_others(self):
        broken = mock.Mock(
            func=fail.func, module_path="broken", enqueue=mock.Mock(side_effect=ValueError("broken"))
        )
        with mock.patch.dict(schedule._regulars, clear=True):
            schedule.register(broken, timedelta(hours=1))
            schedule.register(note, timedelta(hours=1))
            with (
                pytest.raises(ValueError, match="broken"),
                mock.patch("accounts.jobs.schedule.name_of", lambda task: task.module_path),
            ):
                schedule.enqueue_due()
        assert list(Job.objects.values_list("task_path", flat=True)) == [note.module_path]
