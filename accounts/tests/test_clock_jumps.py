"""After the clock was wrong for a moment, everything goes on by itself."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django_tasks import task

from accounts import tasks
from accounts.emails import kinds, plans
from accounts.emails.kinds import When
from accounts.jobs import schedule
from accounts.jobs.worker import Worker
from accounts.models import (
    ClockReading,
    Delivery,
    Job,
    MailPlan,
    Milestone,
    RateLimitCounter,
    ToldState,
    Turn,
)
from accounts.models.job import DELAYS, LOST_AFTER

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
    """By how much the clock is ahead."""
    return request.param


class TestSchedule:
    @pytest.fixture(autouse=True)
    def _only_ours(self):
        with mock.patch.dict(schedule._regulars, clear=True):
            schedule.register(tick, timedelta(minutes=5))
            yield

    def test_a_clock_that_was_ahead_costs_at_most_one_period(self, clock, ahead):
        schedule.enqueue_due()
        with time_machine.travel(NOON + ahead, tick=False):
            assert len(schedule.enqueue_due()) == 1
        # What ran in this period does not run in it again.
        assert schedule.enqueue_due() == []
        clock.shift(timedelta(minutes=5))
        assert len(schedule.enqueue_due()) == 1
        assert schedule.enqueue_due() == []

    def test_a_longer_period_in_a_newer_release_counts_from_now(self, clock):
        schedule.enqueue_due()
        schedule.register(tick, timedelta(days=1))
        schedule.enqueue_due()
        clock.shift(timedelta(days=1))
        assert len(schedule.enqueue_due()) == 1

    @pytest.mark.parametrize("difference", [timedelta(seconds=11), timedelta(minutes=20)])
    def test_machines_whose_clocks_differ_do_not_disturb_each_other(self, clock, difference):
        enqueued = []
        for minute in range(20):
            for now in (NOON + timedelta(minutes=minute), NOON + timedelta(minutes=minute) + difference):
                with time_machine.travel(now, tick=False):
                    enqueued += schedule.enqueue_due()
        assert len(enqueued) <= 6

    @pytest.mark.parametrize("first", [True, False], ids=["new site", "old site"])
    def test_a_clock_in_1970_is_no_obstacle(self, clock, first):
        if not first:
            schedule.enqueue_due()
        with time_machine.travel(datetime(1970, 1, 1, 0, 7, tzinfo=UTC), tick=False) as back:
            schedule.enqueue_due()
            back.shift(timedelta(minutes=5))
            assert len(schedule.enqueue_due()) == 1
        assert len(schedule.enqueue_due()) == 1


class TestJobs:
    def test_a_retry_waits_as_long_as_was_meant(self, clock, ahead, run_jobs):
        with time_machine.travel(NOON + ahead, tick=False):
            refuse.enqueue()
            run_jobs()
        tasks.correct_future_times.func()
        job = Job.objects.get()
        assert DELAYS[0] <= job.run_after - NOON <= DELAYS[0] * 1.2
        assert (job.enqueued_at, job.started_at) == (NOON, NOON)

    def test_an_older_job_that_was_tried_meanwhile_too(self, clock, ahead, run_jobs):
        refuse.enqueue()
        with time_machine.travel(NOON + ahead, tick=False):
            run_jobs()
            tick.enqueue()
        tasks.correct_future_times.func()
        assert (
            max(Job.objects.filter(started_at__isnull=False).values_list("run_after", flat=True))
            <= NOON + DELAYS[0] * 1.2
        )

    def test_what_was_to_wait_for_days_still_does(self, clock):
        tick.using(run_after=NOON + timedelta(days=30)).enqueue()
        with time_machine.travel(NOON + timedelta(days=5), tick=False):
            tick.using(run_after=NOON + timedelta(days=7)).enqueue()
            tick.enqueue()
        tasks.correct_future_times.func()
        waits = sorted(job.run_after - NOON for job in Job.objects.all())
        assert waits[:2] == [timedelta(days=2), timedelta(days=30)]
        assert Job.objects.ready().count() == 1

    def test_a_job_that_began_in_the_future_and_lost_its_worker_is_brought_back(self, clock, ahead, run_jobs):
        tick.enqueue()
        with time_machine.travel(NOON + ahead, tick=False):
            Worker().take()
        Job.objects.update(worker_ids=["elsewhere:1:x"])
        assert ahead > LOST_AFTER
        Worker().bring_back()
        assert run_jobs() == ["SUCCESSFUL"]

    def test_nothing_is_touched_while_clocks_agree(self, clock):
        tick.using(run_after=NOON + timedelta(days=3)).enqueue()
        with mock.patch("accounts.signals.clock_was_ahead.send") as send:
            tasks.correct_future_times.func()
        send.assert_not_called()


class TestEmails:
    @pytest.fixture
    def correct(self):
        """Returns a function that has the times corrected."""

        def correct():
            with time_machine.travel(NOON + timedelta(days=5), tick=False):
                tick.enqueue()
            tasks.correct_future_times.func()

        return correct

    @pytest.mark.parametrize("when", [When.DAILY, When.WEEKLY])
    def test_a_digest_comes_in_its_time_and_misses_nothing(self, clock, member, correct, when):
        kind = kinds.get("follower_statement")
        plans.choose(member, kind, when)
        with time_machine.travel(NOON + timedelta(days=20), tick=False):
            for pk in plans.due(datetime.now(UTC), 10):
                plans.move_on(pk)
        correct()
        plan = MailPlan.objects.get()
        assert plan.told_until == NOON
        assert plan.due_on == NOON

    def test_plans_of_a_right_clock_stay(self, clock, member, correct):
        plans.choose(member, kinds.get("follower_statement"), When.WEEKLY)
        due_on = MailPlan.objects.get().due_on
        correct()
        assert MailPlan.objects.get().due_on == due_on

    def test_the_next_email_about_followers_does_not_wait_for_one_from_the_future(
        self, clock, member, correct
    ):
        with time_machine.travel(NOON + timedelta(days=5), tick=False):
            Delivery.objects.create(
                recipient=member, kind="new_follower", key="x", state="sent", sent_on=datetime.now(UTC)
            )
            Milestone.objects.create(user=member, threshold=10)
        correct()
        kind = kinds.get("new_follower")
        plan = MailPlan.locked(member, kind)
        assert kind.earliest(member, plan, NOON) == NOON + timedelta(hours=1)
        assert Milestone.objects.get().reached_on == NOON

    def test_changes_of_an_account_are_told_of(self, clock, member, correct):
        ToldState.remember(member)
        with time_machine.travel(NOON + timedelta(days=5), tick=False):
            ToldState.mark(member.pk)
        correct()
        clock.shift(timedelta(minutes=2))
        assert ToldState.due(datetime.now(UTC), 10) == [member.pk]


class TestRateLimits:
    def test_a_window_ends_at_most_its_length_from_now(self, clock, ahead):
        hour = timedelta(hours=1)
        with time_machine.travel(NOON + ahead, tick=False):
            for _time in range(5):
                RateLimitCounter.increment("x", hour)
        assert RateLimitCounter.increment("x", hour) == 6
        assert RateLimitCounter.remaining("x") == hour
        clock.shift(hour)
        assert RateLimitCounter.increment("x", hour) == 1

    def test_a_counter_that_is_only_looked_at_ends_within_a_day(self, clock):
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

    def test_a_clock_that_is_years_ahead_for_a_moment_deletes_nothing(self, clock, session):
        self.prune()
        with time_machine.travel(NOON + timedelta(days=2000), tick=False):
            for _try in range(2):
                with pytest.raises(CommandError, match="says 2031-08-22 12:00 UTC.*from 2031-08-23 00:00 on"):
                    self.prune()
            tasks.prune.func()  # The worker's job does not fail of it.
        clock.shift(timedelta(days=1))
        self.prune()
        assert Session.objects.filter(pk="k").exists()

    def test_a_site_that_was_off_for_weeks_is_pruned_from_the_next_day_on(self, clock, session):
        self.prune()
        clock.shift(timedelta(days=40))
        with pytest.raises(CommandError):
            self.prune()
        clock.shift(timedelta(days=1))
        self.prune()
        assert not Session.objects.filter(pk="k").exists()

    def test_whoever_knows_better_prunes_at_once(self, clock, session):
        self.prune()
        clock.shift(timedelta(days=40))
        self.prune(trust_clock=True)
        assert not Session.objects.filter(pk="k").exists()
        self.prune()

    def test_a_clock_in_1970_deletes_nothing_and_costs_a_day(self, clock, session):
        self.prune()
        with time_machine.travel(datetime(1970, 1, 1, 1, tzinfo=UTC), tick=False):
            self.prune()
        with pytest.raises(CommandError):
            self.prune()
        clock.shift(timedelta(days=1))
        self.prune()
        assert Session.objects.filter(pk="k").exists()

    def test_a_look_at_what_would_be_deleted_changes_nothing(self, clock, session):
        self.prune(dry_run=True)
        assert not ClockReading.objects.exists()


def test_a_period_of_nothing_is_stored_for_a_task_that_fails_to_be_enqueued(clock):
    with pytest.raises(ValueError, match="no"):
        Turn.take("x", 7, mock.Mock(side_effect=ValueError("no")))
    assert not Turn.objects.exists()
