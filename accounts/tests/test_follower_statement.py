from datetime import timedelta

from accounts import tasks
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
