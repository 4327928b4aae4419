"""After the clock was wrong for a while, the site recovers by itself."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django_tasks import task

from accounts import tasks
from accounts.emails.models import Delivery
from accounts.jobs import periodic
from accounts.jobs.errors import RETRY_DELAYS
from accounts.jobs.models import LOST_AFTER, ClockReading, Job, PeriodicRun
from accounts.jobs.worker import Worker
from accounts.notifications import digests, types
from accounts.notifications.models import DigestSchedule, Frequency
from accounts.security.models import AccountSnapshot, RateLimitCounter

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AHEAD = [timedelta(hours=1), timedelta(days=5), timedelta(days=4000)]
pytestmark = pytest.mark.django_db


@task()
def tick():
    pass


@task()
def refuse():
    raise ConnectionRefusedError("away")


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture(params=AHEAD, ids=str)
def ahead(request):
    """How far the clock is ahead."""
    return request.param


class TestSchedule:
    @pytest.fixture(autouse=True)
    def _only_ours(self):
        with mock.patch.dict(periodic._periodic_tasks, clear=True):
            periodic.register(tick, timedelta(minutes=5))
            yield

    def test_after_a_clock_was_ahead_at_most_one_period_is_skipped(self, clock, ahead):
        periodic.enqueue_due()
        with time_machine.travel(NOON + ahead, tick=False):
            assert len(periodic.enqueue_due()) == 1
        # The task has already run in this period.
        assert periodic.enqueue_due() == []
        clock.shift(timedelta(minutes=5))
        assert len(periodic.enqueue_due()) == 1
        assert periodic.enqueue_due() == []

    def test_a_longer_interval_in_a_newer_release_counts_from_now(self, clock):
        periodic.enqueue_due()
        periodic.register(tick, timedelta(days=1))
        periodic.enqueue_due()
        clock.shift(timedelta(days=1))
        assert len(periodic.enqueue_due()) == 1

    @pytest.mark.parametrize("difference", [timedelta(seconds=11), timedelta(minutes=20)])
    def test_machines_with_different_clocks_enqueue_a_task_once(self, clock, difference):
        enqueued = []
        for minute in range(20):
            for now in (NOON + timedelta(minutes=minute), NOON + timedelta(minutes=minute) + difference):
                with time_machine.travel(now, tick=False):
                    enqueued += periodic.enqueue_due()
        assert len(enqueued) <= 6

    @pytest.mark.parametrize("first", [True, False], ids=["new site", "old site"])
    def test_tasks_are_enqueued_while_the_clock_is_in_1970(self, clock, first):
        if not first:
            periodic.enqueue_due()
        with time_machine.travel(datetime(1970, 1, 1, 0, 7, tzinfo=UTC), tick=False) as back:
            periodic.enqueue_due()
            back.shift(timedelta(minutes=5))
            assert len(periodic.enqueue_due()) == 1
        assert len(periodic.enqueue_due()) == 1


class TestJobs:
    def test_a_retry_waits_as_long_as_intended(self, clock, ahead, run_jobs):
        with time_machine.travel(NOON + ahead, tick=False):
            refuse.enqueue()
            run_jobs()
        tasks.correct_future_times.func()
        job = Job.objects.get()
        assert RETRY_DELAYS[0] <= job.run_after - NOON <= RETRY_DELAYS[0] * 1.2
        assert (job.enqueued_at, job.started_at) == (NOON, NOON)

    def test_the_retry_of_an_older_job_waits_as_long_as_intended(self, clock, ahead, run_jobs):
        refuse.enqueue()
        with time_machine.travel(NOON + ahead, tick=False):
            run_jobs()
            tick.enqueue()
        tasks.correct_future_times.func()
        assert (
            max(Job.objects.filter(started_at__isnull=False).values_list("run_after", flat=True))
            <= NOON + RETRY_DELAYS[0] * 1.2
        )

    def test_jobs_that_are_meant_to_wait_for_days_still_do(self, clock):
        tick.using(run_after=NOON + timedelta(days=30)).enqueue()
        with time_machine.travel(NOON + timedelta(days=5), tick=False):
            tick.using(run_after=NOON + timedelta(days=7)).enqueue()
            tick.enqueue()
        tasks.correct_future_times.func()
        waits = sorted(job.run_after - NOON for job in Job.objects.all())
        assert waits[:2] == [timedelta(days=2), timedelta(days=30)]
        assert Job.objects.ready().count() == 1

    def test_a_lost_job_that_started_in_the_future_is_requeued(self, clock, ahead, run_jobs):
        tick.enqueue()
        with time_machine.travel(NOON + ahead, tick=False):
            Worker().claim_next()
        Job.objects.update(worker_ids=["elsewhere:1:x"])
        assert ahead > LOST_AFTER
        Worker().requeue_lost()
        assert run_jobs() == ["SUCCESSFUL"]

    def test_nothing_changes_while_the_clocks_agree(self, clock):
        tick.using(run_after=NOON + timedelta(days=3)).enqueue()
        with mock.patch("accounts.signals.clock_was_ahead.send") as send:
            tasks.correct_future_times.func()
        send.assert_not_called()


class TestEmails:
    @pytest.fixture
    def correct(self):
        """Returns a function that corrects the times."""

        def correct():
            with time_machine.travel(NOON + timedelta(days=5), tick=False):
                tick.enqueue()
            tasks.correct_future_times.func()

        return correct

    @pytest.mark.parametrize("frequency", [Frequency.DAILY, Frequency.WEEKLY])
    def test_a_digest_is_sent_in_time_and_leaves_nothing_out(self, clock, member, correct, frequency):
        digests.choose(member, types.get("follower_statement"), frequency)
        with time_machine.travel(NOON + timedelta(days=20), tick=False):
            for pk in digests.due_schedules(datetime.now(UTC), 10):
                digests.advance(pk)
        correct()
        schedule = DigestSchedule.objects.get()
        assert schedule.covered_until == NOON
        assert schedule.due_on == NOON

    def test_plans_of_a_correct_clock_do_not_change(self, clock, member, correct):
        digests.choose(member, types.get("follower_statement"), Frequency.WEEKLY)
        due_on = DigestSchedule.objects.get().due_on
        correct()
        assert DigestSchedule.objects.get().due_on == due_on

    def test_the_next_email_about_followers_does_not_wait_for_one_from_the_future(
        self, clock, member, correct
    ):
        with time_machine.travel(NOON + timedelta(days=5), tick=False):
            Delivery.objects.create(
                recipient=member, type="new_follower", key="x", state="sent", sent_on=datetime.now(UTC)
            )
        correct()
        digest = types.get("new_follower")
        assert digests.earliest_at_once(member, digest, NOON) == NOON + timedelta(hours=1)

    def test_changes_of_an_account_are_found(self, clock, member, correct):
        AccountSnapshot.create_missing([member.pk])
        with time_machine.travel(NOON + timedelta(days=5), tick=False):
            AccountSnapshot.mark(member.pk)
        correct()
        clock.shift(timedelta(minutes=2))
        assert AccountSnapshot.due(datetime.now(UTC), 10) == [member.pk]


class TestRateLimits:
    def test_a_window_ends_in_at_most_its_length(self, clock, ahead):
        hour = timedelta(hours=1)
        with time_machine.travel(NOON + ahead, tick=False):
            for _time in range(5):
                RateLimitCounter.increment("x", hour)
        assert RateLimitCounter.increment("x", hour) == 6
        assert RateLimitCounter.remaining("x") == hour
        clock.shift(hour)
        assert RateLimitCounter.increment("x", hour) == 1

    def test_a_counter_that_is_only_read_ends_within_a_day(self, clock):
        with time_machine.travel(NOON + timedelta(days=5), tick=False):
            RateLimitCounter.increment("x", timedelta(hours=1))
            tick.enqueue()
        tasks.correct_future_times.func()
        assert RateLimitCounter.remaining("x") <= timedelta(days=1)


class TestPruning:
    @pytest.fixture
    def session(self, clock):
        return Session.objects.create(session_key="k", expire_date=NOON + timedelta(days=14))

    def prune(self, **options):
        call_command("prune", verbosity=0, **options)

    def test_a_clock_that_is_briefly_years_ahead_deletes_nothing(self, clock, session):
        self.prune()
        with time_machine.travel(NOON + timedelta(days=2000), tick=False):
            for _try in range(2):
                with pytest.raises(
                    CommandError, match="ahead to 2031-08-22 12:00 UTC.*continues at 2031-08-23 00:00"
                ):
                    self.prune()
            tasks.prune.func()  # The job succeeds.
        clock.shift(timedelta(days=1))
        self.prune()
        assert Session.objects.filter(pk="k").exists()

    def test_a_site_that_was_off_for_weeks_is_pruned_from_the_next_day(self, clock, session):
        self.prune()
        clock.shift(timedelta(days=40))
        with pytest.raises(CommandError):
            self.prune()
        clock.shift(timedelta(days=1))
        self.prune()
        assert not Session.objects.filter(pk="k").exists()

    def test_an_operator_who_trusts_the_clock_can_prune_at_once(self, clock, session):
        self.prune()
        clock.shift(timedelta(days=40))
        self.prune(trust_clock=True)
        assert not Session.objects.filter(pk="k").exists()
        self.prune()

    def test_a_clock_in_1970_deletes_nothing_and_delays_pruning_by_a_day(self, clock, session):
        self.prune()
        with time_machine.travel(datetime(1970, 1, 1, 1, tzinfo=UTC), tick=False):
            self.prune()
        with pytest.raises(CommandError):
            self.prune()
        clock.shift(timedelta(days=1))
        self.prune()
        assert Session.objects.filter(pk="k").exists()

    def test_a_dry_run_changes_nothing(self, clock, session):
        self.prune(dry_run=True)
        assert not ClockReading.objects.exists()


def test_a_period_is_not_claimed_if_its_task_cannot_be_enqueued(clock):
    with pytest.raises(ValueError, match="no"):
        PeriodicRun.claim("x", 7, mock.Mock(side_effect=ValueError("no")))
    assert not PeriodicRun.objects.exists()
