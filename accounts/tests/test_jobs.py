import smtplib
import threading
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.urls import reverse
from django_tasks import task

from accounts.jobs import schedule, worker
from accounts.jobs.trouble import answer_of, is_no_address, may_pass
from accounts.models import Job, Turn
from accounts.models.job import DELAYS, LOST_AFTER, MOST_WORKERS
from accounts.tests.factories import UserFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILURES = {"away": ConnectionRefusedError("away"), "broken": ValueError("broken")}
done = []


@task()
def note(word):
    done.append(word)


@task()
def fail(kind):
    raise FAILURES[kind]


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_done():
    done.clear()


def test_a_failure_that_may_pass_is_tried_for_a_day_with_growing_waits(run_jobs):
    with time_machine.travel(NOON, tick=False) as clock:
        fail.enqueue("away")
        for wait in DELAYS:
            assert run_jobs() == ["READY"]
            assert wait <= Job.objects.get().run_after - datetime.now(UTC) <= wait * 1.2
            clock.shift(wait * 1.2)
        assert run_jobs() == ["FAILED"]

    job = Job.objects.get()
    assert (job.tries, job.cause) == (len(DELAYS) + 1, "ConnectionRefusedError: away")
    assert timedelta(hours=20) < sum(DELAYS, timedelta()) < timedelta(hours=26)


def test_a_failure_that_cannot_pass_is_given_up_at_once(run_jobs):
    fail.enqueue("broken")

    assert run_jobs() == ["FAILED"]
    assert Job.objects.get().cause == "ValueError: broken"


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (TimeoutError(), True),
        (OperationalError("database is locked"), True),
        (SystemExit(1), True),
        (smtplib.SMTPServerDisconnected(), True),
        (smtplib.SMTPResponseException(451, b"later"), True),
        (smtplib.SMTPAuthenticationError(535, b"who are you"), True),
        (smtplib.SMTPSenderRefused(550, b"not from you", "us@example.org"), True),
        (smtplib.SMTPResponseException(554, b"never"), False),
        (smtplib.SMTPRecipientsRefused({"a": (450, b"later"), "b": (550, b"never")}), True),
        (ValueError(), False),
    ],
)
def test_which_errors_may_pass(error, passes):
    assert may_pass(error) is passes


@pytest.mark.parametrize(
    ("code", "answer", "gone"),
    [
        (550, b"no such user", True),
        (550, b"5.1.1 no such user", True),
        (550, b"5.2.1 mailbox disabled", True),
        (550, b"5.7.1 relaying denied", False),  # Our fault, not the address's.
        (552, b"5.2.2 mailbox full", False),
        (554, b"no", False),
        (451, b"later", False),
    ],
)
def test_which_answers_mean_that_there_is_no_such_address(code, answer, gone):
    assert is_no_address(smtplib.SMTPRecipientsRefused({"a@example.org": (code, answer)})) is gone


def test_what_the_server_said_is_one_line():
    refused = smtplib.SMTPRecipientsRefused({"a@example.org": (550, b"no\r\nsuch user")})
    assert answer_of(refused) == "550 no such user"
    assert answer_of(smtplib.SMTPDataError(554, b"spam?")) == "554 spam?"
    assert answer_of(TimeoutError("timed out")) == "TimeoutError: timed out"


class TestLostWorkers:
    @pytest.fixture
    def claimed(self):
        """A job in the hands of another worker; returns it."""
        note.enqueue("done")
        return worker.Worker().take()

    def reap(self):
        worker.Worker().bring_back()

    def test_the_job_of_a_worker_that_was_killed_is_run_by_the_next(self, claimed, run_jobs):
        with mock.patch("accounts.jobs.worker.is_alive", return_value=True):
            Job.objects.update(worker_ids=[claimed.worker_ids[0].replace(":", ":1", 1)])
            self.reap()
            assert run_jobs() == []
        with mock.patch("accounts.jobs.worker.is_alive", return_value=False):
            self.reap()

        assert run_jobs() == ["SUCCESSFUL"]
        assert done == ["done"]

    def test_a_container_that_starts_again_knows_its_former_self(self, claimed, run_jobs):
        self.reap()  # The same process number, and another worker.

        assert run_jobs() == ["SUCCESSFUL"]

    def test_of_another_machine_only_time_tells(self, claimed, run_jobs):
        Job.objects.update(worker_ids=["elsewhere:1:x"])
        self.reap()
        assert run_jobs() == []

        with time_machine.travel(datetime.now(UTC) + LOST_AFTER + timedelta(seconds=1)):
            self.reap()
            assert run_jobs() == ["SUCCESSFUL"]

    def test_a_job_that_kills_its_workers_is_given_up(self, claimed):
        Job.objects.update(worker_ids=["elsewhere:1:x"] * (MOST_WORKERS - 1) + claimed.worker_ids)
        self.reap()

        assert Job.objects.get().status == "FAILED"
        assert "workers were killed while they ran it" in Job.objects.get().cause

    def test_whose_process_lives_is_not_dead(self):
        assert worker.is_alive(1)
        assert not worker.is_dead_here("", "own")
        assert not worker.is_dead_here("elsewhere:1:x", "own")


@pytest.mark.django_db(transaction=True)
def test_several_workers_do_each_job_once():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one worker.")
    for number in range(60):
        note.enqueue(number)

    def work():
        busy = worker.Worker(batch=True)
        busy.next_housekeeping = float("inf")
        busy.run()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(done) == list(range(60))


@pytest.fixture
def idle_worker(transactional_db):
    """The worker's command, without a schedule and without a hold on this process's signals."""
    with (
        mock.patch.object(worker.Worker, "keep_house"),
        mock.patch.object(worker.Worker, "configure_signals"),
    ):
        yield


def test_a_worker_ends_after_as_many_jobs_as_it_was_told(idle_worker):
    for word in "abc":
        note.enqueue(word)
    call_command("worker", max_tasks=2)
    assert done == ["a", "b"]

    call_command("worker", batch=True)
    assert done == ["a", "b", "c"]


def test_sqlite_has_one_worker(idle_worker):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL takes any number.")
    with worker.only_one_on_sqlite(), pytest.raises(CommandError, match="Another worker"):
        call_command("worker", batch=True)
    call_command("worker", batch=True)


class TestSchedule:
    @pytest.fixture(autouse=True)
    def regular(self):
        with mock.patch.dict(schedule._regulars, clear=True):
            schedule.register(schedule_me, timedelta(hours=1))
            yield

    def test_a_task_is_enqueued_once_in_a_period_however_many_ask(self):
        with time_machine.travel(NOON, tick=False) as clock:
            assert schedule.enqueue_due() == ["accounts.tests.test_jobs.schedule_me"]
            assert schedule.enqueue_due() == []
            clock.shift(timedelta(minutes=59))
            assert schedule.enqueue_due() == []
            clock.shift(timedelta(minutes=1))
            assert len(schedule.enqueue_due()) == 1
            clock.shift(timedelta(days=3))  # Nobody worked.
            assert len(schedule.enqueue_due()) == 1
        assert Job.objects.count() == 3

    def test_who_comes_second_takes_no_turn(self):
        assert Turn.take("it", 7, lambda: None)
        assert not Turn.take("it", 7, lambda: pytest.fail("twice"))
        assert not Turn.take("it", 6, lambda: pytest.fail("late"))

    def test_a_turn_is_taken_together_with_what_it_enqueues_or_not_at_all(self):
        with mock.patch("django_tasks_db.models.DBTaskResult.save", side_effect=RuntimeError):
            with pytest.raises(RuntimeError):
                schedule.enqueue_due()

        assert len(schedule.enqueue_due()) == 1


@task()
def schedule_me():
    pass


class TestAdmin:
    @pytest.fixture
    def admin(self, client):
        client.force_login(UserFactory(is_staff=True, is_superuser=True))
        return client

    def test_failed_jobs_are_shown_with_their_cause_and_can_be_tried_again(self, admin, run_jobs):
        fail.enqueue("broken")
        note.enqueue("secret")
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

        response = admin.post(url, {"action": "try_again", "_selected_action": [failed.pk]}, follow=True)
        assert "1 job waits again." in response.content.decode()
        with mock.patch.dict(FAILURES, broken=ConnectionRefusedError("another reason")):
            assert run_jobs() == ["READY"]
        assert not failed.try_again()
