from datetime import timedelta

import pytest

from accounts.models import Milestone
from accounts.tests.factories import FollowFactory, UserFactory


class TestMilestones:
    def have(self, member, count):
        """Give the member followers up to `count` without events, the last with one."""
        more = count - member.followers.count()
        FollowFactory.create_batch(more - 1, followed=member)
        UserFactory().follow(member)
        self.work()

    @pytest.fixture(autouse=True)
    def work(self, run_jobs, clock):
        """Counting happens two minutes later."""

        def work():
            run_jobs()
            clock.shift(timedelta(minutes=2))
            run_jobs()

        self.work = work

    def told(self, mailoutbox):
        return [mail.subject for mail in mailoutbox if mail.subject[0].isdigit()]

    def test_each_threshold_is_told_once_however_the_count_moves(self, member, mailoutbox, clock):
        self.have(member, 9)
        assert self.told(mailoutbox) == []
        clock.shift(timedelta(hours=2))
        self.have(member, 10)
        assert self.told(mailoutbox) == ["10 people follow you"]

        for _time in range(2):
            person = member.followers.first()
            person.unfollow(member)
            clock.shift(timedelta(hours=25))
            person.follow(member)
            self.work()
        assert self.told(mailoutbox) == ["10 people follow you"]

    def test_of_several_the_highest_and_one_an_hour(self, member, mailoutbox, clock):
        self.have(member, 12)
        clock.shift(timedelta(minutes=5))
        self.have(member, 101)
        assert self.told(mailoutbox) == ["10 people follow you"]

        clock.shift(timedelta(hours=1))
        self.work()
        assert self.told(mailoutbox) == ["10 people follow you", "100 people follow you"]
        assert sorted(Milestone.objects.values_list("threshold", flat=True)) == [10, 100]

    def test_one_that_was_passed_by_is_never_told(self, member, mailoutbox, clock):
        self.have(member, 100)
        clock.shift(timedelta(days=2))
        UserFactory().follow(member)
        self.work()

        assert self.told(mailoutbox) == ["100 people follow you"]
