from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from accounts import tasks
from accounts.emails import kinds
from accounts.emails.followers import FollowerStatement
from accounts.models import MailPlan
from accounts.tests.factories import UserFactory
from accounts.tests.mailing import choose


class TestStatement:
    def told(self, clock, run_jobs, mailoutbox):
        run_jobs()
        clock.shift(timedelta(days=1))
        mailoutbox.clear()
        tasks.make_digests.func()
        run_jobs()
        mailoutbox[:] = [mail for mail in mailoutbox if "went" in mail.subject]
        return [mail.subject for mail in mailoutbox]

    def test_it_is_net(self, member, bob, run_jobs, mailoutbox, clock):
        cleo, dan, eve = (UserFactory(username=name) for name in ("cleo", "dan", "eve"))
        cleo.follow(member)
        choose(member, "daily", "follower_statement")
        clock.shift(timedelta(minutes=1))
        bob.follow(member)
        cleo.unfollow(member)
        dan.follow(member)
        dan.unfollow(member)
        eve.follow(member)
        eve.unfollow(member)
        clock.shift(1)
        eve.follow(member)

        assert self.told(clock, run_jobs, mailoutbox) == ["Your followers: 2 came, 1 went"]
        assert "@cleo" in mailoutbox[0].body
        assert "@dan" not in mailoutbox[0].body
        assert "2 people follow you." in mailoutbox[0].body
        assert self.told(clock, run_jobs, mailoutbox) == []  # Nothing happened.

    def test_it_is_off_unless_wanted_and_tells_nothing_from_before(
        self, member, bob, run_jobs, mailoutbox, clock
    ):
        bob.follow(member)
        assert self.told(clock, run_jobs, mailoutbox) == []
        choose(member, "daily", "follower_statement")
        assert self.told(clock, run_jobs, mailoutbox) == []

    def test_a_block_is_a_loss_without_a_name(self, member, bob, run_jobs, mailoutbox, clock):
        bob.follow(member)
        choose(member, "daily", "follower_statement")
        clock.shift(timedelta(minutes=1))
        bob.block(member)

        assert self.told(clock, run_jobs, mailoutbox) == ["Your followers: 0 came, 1 went"]
        assert "@bob" not in mailoutbox[-1].body


MORNING = datetime(2026, 3, 2, 7, tzinfo=UTC)


class TestBoundaries:
    """Each change is told of once, whenever it was dated and committed."""

    @pytest.fixture
    def statement(self):
        return kinds.of(FollowerStatement)

    @pytest.fixture
    def told(self, run_jobs, mailoutbox):
        """Returns a function that makes the digests that are due, and gives the subjects of the statements sent."""

        def told():
            tasks.make_digests.func()
            run_jobs()
            subjects = [mail.subject for mail in mailoutbox if "went" in mail.subject]
            mailoutbox.clear()
            return subjects

        return told

    def test_a_change_that_is_committed_after_the_statement_was_made_is_in_the_next(
        self, member, bob, told, clock, statement
    ):
        """It was dated half a minute before, by a transaction that was still under way."""
        choose(member, "daily", "follower_statement")
        clock.move_to(MORNING)
        assert told() == []
        statement.note(member.pk, bob.pk, 1, MORNING - timedelta(seconds=30))
        clock.shift(timedelta(days=1))
        assert told() == ["Your followers: 1 came, 0 went"]
        clock.shift(timedelta(days=1))
        assert told() == []

    def test_a_change_of_the_last_minute_is_told_of_once(self, member, bob, told, clock, statement):
        choose(member, "daily", "follower_statement")
        clock.move_to(MORNING)
        statement.note(member.pk, bob.pk, 1, MORNING - timedelta(seconds=30))
        assert told() == []
        clock.shift(timedelta(days=1))
        assert told() == ["Your followers: 1 came, 0 went"]
        clock.shift(timedelta(days=1))
        assert told() == []

    def test_who_asks_for_statements_just_before_one_is_due_is_told_of_nothing_from_before(
        self, member, bob, told, clock, statement
    ):
        """The first statement ends a minute before it is made, before the one who wanted it asked: that moves nothing back."""
        clock.move_to(MORNING - timedelta(seconds=20))
        choose(member, "daily", "follower_statement")
        asked = MailPlan.objects.get(recipient=member, kind=statement.name).told_until
        statement.note(member.pk, bob.pk, 1, MORNING - timedelta(seconds=30))
        clock.move_to(MORNING)
        assert told() == []
        assert MailPlan.objects.get(recipient=member, kind=statement.name).told_until == asked

        clock.shift(timedelta(days=1))
        assert told() == []

    def test_no_two_statements_cover_the_same_time(self, member, told, clock, monkeypatch):
        spans = []
        monkeypatch.setattr(
            FollowerStatement, "collect", lambda self, recipient, since, until: spans.append((since, until))
        )
        choose(member, "daily", "follower_statement")
        for _day in range(3):
            clock.move_to(MORNING + timedelta(days=_day))
            told()
        assert len(spans) == 3
        assert all(until == since for (_since, until), (since, _until) in pairwise(spans))
        assert spans[-1][1] == MORNING + timedelta(days=2) - timedelta(minutes=1)
