"""The summary of new and lost followers."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from accounts.emails import outbox
from accounts.notifications import digests, followers
from accounts.notifications.followers import UNFOLLOW, FollowerSummary, NewFollower
from accounts.notifications.models import DigestSchedule, Notification
from accounts.tests.email_helpers import choose
from accounts.tests.factories import UserFactory

SUMMARY = FollowerSummary.name
MORNING = datetime(2026, 3, 2, 7, tzinfo=UTC)


@pytest.fixture
def send_summaries(run_jobs, mailoutbox):
    """Return a function that sends the digests that are due, and returns the subjects of the summaries among them."""

    def send_summaries():
        mailoutbox.clear()
        digests.send_digests.func()
        run_jobs()
        mailoutbox[:] = [message for message in mailoutbox if "lost" in message.subject]
        return [message.subject for message in mailoutbox]

    return send_summaries


class TestContent:
    @pytest.fixture
    def next_summary(self, clock, run_jobs, send_summaries):
        """Return a function that returns the subjects of the summaries of the next day."""

        def next_summary():
            run_jobs()
            clock.shift(timedelta(days=1))
            return send_summaries()

        return next_summary

    def test_following_again_and_again_leaves_a_bounded_number_of_rows(
        self, member, bob, next_summary, run_jobs, clock
    ):
        choose(member, "daily", SUMMARY)
        for _number in range(20):
            clock.shift(timedelta(minutes=1))
            bob.follow(member)
            run_jobs()
            clock.shift(timedelta(minutes=1))
            bob.unfollow(member)

        # The follow that an email named, and the unfollow that the summary needs.
        assert sorted(member.notifications.values_list("type", flat=True)) == [NewFollower.name, UNFOLLOW]
        assert next_summary() == []

    def test_a_follow_that_a_summary_covered_leaves_nothing_waiting(self, member, bob, next_summary):
        choose(member, "daily", SUMMARY)
        choose(member, "weekly", NewFollower.name)
        assert next_summary() == []  # On Monday, when the weekly email is due, too.
        bob.follow(member)
        assert next_summary() == ["Your followers: 1 new, 0 lost"]

        assert Notification.objects.waiting().exists()
        bob.unfollow(member)
        assert not Notification.objects.waiting().exists()
        # A summary that waits for the mail server reads this row.
        assert member.notifications.filter(type=NewFollower.name).exists()
        assert next_summary() == ["Your followers: 0 new, 1 lost"]

    def test_an_earlier_unfollow_keeps_the_follow_that_it_ended(self, member, bob, next_summary, clock):
        choose(member, "daily", SUMMARY)
        for type_name in (NewFollower.name, UNFOLLOW):
            clock.shift(timedelta(minutes=1))
            followers.store_for_summary(type_name, member, bob, datetime.now(UTC))
        clock.shift(timedelta(minutes=1))
        bob.follow(member)
        clock.shift(timedelta(minutes=1))
        bob.unfollow(member)

        assert next_summary() == []

    def test_only_net_changes_are_mentioned(self, member, bob, next_summary, mailoutbox, clock):
        cleo, dan, eve = (UserFactory(username=name) for name in ("cleo", "dan", "eve"))
        cleo.follow(member)
        choose(member, "daily", SUMMARY)
        clock.shift(timedelta(minutes=1))
        bob.follow(member)
        cleo.unfollow(member)
        dan.follow(member)
        dan.unfollow(member)
        eve.follow(member)
        eve.unfollow(member)
        clock.shift(1)
        eve.follow(member)

        assert next_summary() == ["Your followers: 2 new, 1 lost"]
        assert "@cleo" in mailoutbox[0].body
        assert "@dan" not in mailoutbox[0].body
        assert "2 people follow you." in mailoutbox[0].body
        assert next_summary() == []

    @pytest.mark.parametrize("emails_at_once", [True, False])
    def test_someone_who_leaves_and_comes_back_is_not_mentioned(
        self, member, bob, next_summary, run_jobs, clock, emails_at_once
    ):
        """Whether or not another email has named them in between."""
        bob.follow(member)
        choose(member, "daily", SUMMARY)
        choose(member, "at_once" if emails_at_once else "weekly")
        for _time in range(2):
            clock.shift(timedelta(minutes=1))
            bob.unfollow(member)
            run_jobs()
            clock.shift(timedelta(minutes=1))
            bob.follow(member)
            run_jobs()

        assert next_summary() == []

    def test_someone_who_was_emailed_about_and_left_again_is_not_mentioned(
        self, member, bob, next_summary, run_jobs, clock
    ):
        choose(member, "daily", SUMMARY)
        clock.shift(timedelta(minutes=1))
        bob.follow(member)
        run_jobs()
        clock.shift(timedelta(minutes=1))
        bob.unfollow(member)

        assert next_summary() == []

    def test_a_loss_is_mentioned_if_an_earlier_summary_mentioned_the_gain(
        self, member, bob, next_summary, clock
    ):
        choose(member, "daily", SUMMARY)
        choose(member, "never")
        clock.shift(timedelta(minutes=1))
        bob.follow(member)
        assert next_summary() == ["Your followers: 1 new, 0 lost"]
        bob.unfollow(member)
        assert next_summary() == ["Your followers: 0 new, 1 lost"]

    def test_it_is_off_by_default_and_covers_nothing_from_before(self, member, bob, next_summary):
        bob.follow(member)
        assert next_summary() == []
        choose(member, "daily", SUMMARY)
        assert next_summary() == []

    def test_without_summaries_an_unfollow_leaves_no_notification(self, member, bob, run_jobs):
        bob.follow(member)
        run_jobs()
        bob.unfollow(member)
        assert not Notification.objects.filter(type=UNFOLLOW).exists()

    def test_a_block_counts_as_a_loss_without_a_name(self, member, bob, next_summary, mailoutbox, clock):
        bob.follow(member)
        choose(member, "daily", SUMMARY)
        clock.shift(timedelta(minutes=1))
        bob.block(member)

        assert next_summary() == ["Your followers: 0 new, 1 lost"]
        assert "@bob" not in mailoutbox[-1].body

    def test_muted_people_are_not_named(self, member, bob, next_summary, mailoutbox, clock):
        cleo = UserFactory(username="cleo")
        bob.follow(member)
        choose(member, "daily", SUMMARY)
        clock.shift(timedelta(minutes=1))
        bob.unfollow(member)
        cleo.follow(member)
        member.mute(bob)
        member.mute(cleo)

        assert next_summary() == ["Your followers: 0 new, 1 lost"]
        assert "@bob" not in mailoutbox[-1].body
        assert "@cleo" not in mailoutbox[-1].body


class TestBoundaries:
    """Each change is in exactly one summary, whenever it was dated and committed."""

    @pytest.fixture
    def record(self, member, bob):
        """Return a function that stores a follow of that time."""

        def record(created_on):
            followers.store_for_summary(NewFollower.name, member, bob, created_on)

        return record

    def test_a_change_that_is_committed_after_a_summary_is_in_the_next_one(
        self, member, send_summaries, clock, record
    ):
        """Its transaction was still open when the summary was made half a minute later."""
        choose(member, "daily", SUMMARY)
        clock.move_to(MORNING)
        assert send_summaries() == []
        record(MORNING - timedelta(seconds=30))
        clock.shift(timedelta(days=1))
        assert send_summaries() == ["Your followers: 1 new, 0 lost"]
        clock.shift(timedelta(days=1))
        assert send_summaries() == []

    def test_a_change_of_the_last_minute_is_in_the_next_summary(self, member, send_summaries, clock, record):
        choose(member, "daily", SUMMARY)
        clock.move_to(MORNING)
        record(MORNING - timedelta(seconds=30))
        assert send_summaries() == []
        clock.shift(timedelta(days=1))
        assert send_summaries() == ["Your followers: 1 new, 0 lost"]
        clock.shift(timedelta(days=1))
        assert send_summaries() == []

    def test_a_first_summary_that_is_due_at_once_covers_nothing_from_before(
        self, member, send_summaries, clock, record
    ):
        """It would end a minute before it is made, which is before the member asked for it."""
        clock.move_to(MORNING - timedelta(seconds=20))
        choose(member, "daily", SUMMARY)
        asked_on = DigestSchedule.objects.get(recipient=member, type=SUMMARY).covered_until
        record(MORNING - timedelta(seconds=30))
        clock.move_to(MORNING)
        assert send_summaries() == []
        assert DigestSchedule.objects.get(recipient=member, type=SUMMARY).covered_until == asked_on

        clock.shift(timedelta(days=1))
        assert send_summaries() == []

    def test_no_two_summaries_cover_the_same_time(self, member, send_summaries, clock, monkeypatch):
        spans = []
        monkeypatch.setattr(
            outbox,
            "enqueue",
            lambda name, recipient, key, since, until: spans.append(
                (datetime.fromisoformat(since), datetime.fromisoformat(until))
            ),
        )
        choose(member, "daily", SUMMARY)
        for days in range(3):
            clock.move_to(MORNING + timedelta(days=days))
            send_summaries()
        assert len(spans) == 3
        assert all(until == since for (_since, until), (since, _until) in pairwise(spans))
        assert spans[-1][1] == MORNING + timedelta(days=2) - timedelta(minutes=1)
