import re
from datetime import UTC, datetime, timedelta
from email import message_from_string
from unittest import mock

import pytest
from django.core.mail import EmailMultiAlternatives
from django_tasks_db.models import DBTaskResult

from accounts import tasks
from accounts.emails import kinds, outbox, plans
from accounts.models import Delivery, FollowNotice, Job, MailPreference, RefusedAddress, User
from accounts.tests.factories import UserFactory
from accounts.tests.mailing import NOON, choose, counted


def test_who_gains_a_follower_is_told(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    assert mailoutbox == []

    run_jobs()
    (mail,) = mailoutbox
    assert mail.to == ["ada@example.org"]
    assert mail.subject == "Bob <b> Builder & Sons (@bob) follows you"
    assert "http://localhost:8000/@bob/" in mail.body
    html, _type = mail.alternatives[0]
    assert 'href="http://localhost:8000/@bob/"' in html
    assert "Bob &lt;b&gt;" in html
    assert "prefers-color-scheme: dark" in html
    assert '<a class="button" href="http://localhost:8000/@bob/" style=' in html


def test_who_has_no_display_name_is_named_once(member, run_jobs, mailoutbox, clock):
    first, *others = (UserFactory(username=name, display_name="") for name in ("x_1", "x_2", "x_3"))
    first.follow(member)
    run_jobs()
    for other in others:
        other.follow(member)
    run_jobs()
    clock.shift(timedelta(hours=1))
    run_jobs()

    one, two = mailoutbox
    assert one.subject == "@x_1 follows you"
    assert "\n@x_1\nhttp://" in one.body
    assert ">@x_1</a></p>" in one.alternatives[0][0]
    assert '<bdi class="name">' not in one.alternatives[0][0]
    assert two.subject == "@x_3 and 1 other follow you"


def test_the_mail_can_be_turned_off_with_one_click(member, bob, run_jobs, mailoutbox, client):
    bob.follow(member)
    run_jobs()
    message = message_from_string(mailoutbox[0].message().as_string())

    assert message["List-ID"] == "<new-follower.localhost>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.search(r"<http://localhost:8000(.+)>", re.sub(r"\s", "", message["List-Unsubscribe"]))[1]
    assert f"http://localhost:8000{link}" in mailoutbox[0].body

    assert client.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert MailPreference.of(member, kinds.get("new_follower")) == "never"


def test_the_first_is_told_at_once_the_rest_once_an_hour(member, follow, run_jobs, mailoutbox, clock):
    choose(member, "never", "follower_milestone")
    follow(1)
    run_jobs()
    assert [counted(mail) for mail in mailoutbox] == [1]

    for _minute in range(3):
        clock.shift(timedelta(minutes=10))
        follow(5)
        run_jobs()
    assert len(mailoutbox) == 1
    clock.shift(timedelta(minutes=30))
    run_jobs()
    assert [counted(mail) for mail in mailoutbox] == [1, 15]
    assert "and 14 others follow you" in mailoutbox[1].subject
    assert mailoutbox[1].body.count("\n@") == 10


def test_there_are_at_most_five_mails_a_day_and_nobody_is_left_out(
    member, follow, run_jobs, mailoutbox, clock
):
    for _hour in range(60):
        follow(1)
        run_jobs()
        clock.shift(timedelta(minutes=61))
    clock.shift(timedelta(days=1))
    run_jobs()

    assert sum(map(counted, mailoutbox)) == 60
    days = [delivery.sent_on for delivery in Delivery.objects.filter(kind="new_follower").order_by("sent_on")]
    assert all(later - earlier >= timedelta(days=1) for earlier, later in zip(days, days[5:], strict=False))
    assert 10 <= len(days) <= 16


def test_while_a_mail_waits_for_its_server_no_second_one_is_made(member, follow, run_jobs, mailoutbox, clock):
    follow(1)
    with mock.patch.object(EmailMultiAlternatives, "send", side_effect=ConnectionRefusedError):
        run_jobs()
        clock.shift(timedelta(hours=2))
        follow(1)
        run_jobs()
    assert Delivery.objects.count() == 1
    for _hour in range(12):
        clock.shift(timedelta(hours=2))
        run_jobs()

    assert [counted(mail) for mail in mailoutbox] == [1, 1]


@pytest.mark.parametrize(("when", "days"), [("daily", 1), ("weekly", 7)])
def test_followers_are_told_of_daily_or_weekly_on_wish(
    member, follow, run_jobs, mailoutbox, clock, when, days
):
    choose(member, when)
    follow(3)
    run_jobs()
    clock.shift(timedelta(hours=18))  # Six in the morning of a Monday.
    tasks.make_digests.func()
    run_jobs()
    assert mailoutbox == []

    for _run in range(2):
        clock.shift(timedelta(hours=1))
        tasks.make_digests.func()
        run_jobs()
    assert [counted(mail) for mail in mailoutbox] == [3]

    follow(1)
    run_jobs()
    clock.shift(timedelta(days=days))
    tasks.make_digests.func()
    run_jobs()
    assert [counted(mail) for mail in mailoutbox] == [3, 1]


def test_who_wants_it_at_once_again_is_told_what_was_collected(member, follow, run_jobs, mailoutbox, clock):
    choose(member, "weekly")
    follow(2)
    run_jobs()
    choose(member, "at_once")
    run_jobs()

    assert [counted(mail) for mail in mailoutbox] == [2]


def test_a_day_begins_in_the_recipients_zone(member, settings):
    def due(zone, when="daily"):
        member.time_zone = zone
        return plans.next_digest(member, when, NOON).astimezone(UTC)

    assert due("") == datetime(2026, 3, 2, 7, tzinfo=UTC)
    assert due("Asia/Tokyo") == datetime(2026, 3, 1, 22, tzinfo=UTC)
    assert due("America/Los_Angeles") == datetime(2026, 3, 1, 15, tzinfo=UTC)
    assert due("Asia/Tokyo", "weekly") == datetime(2026, 3, 1, 22, tzinfo=UTC)
    assert due("America/Los_Angeles", "weekly") == datetime(2026, 3, 2, 15, tzinfo=UTC)


def test_a_follow_undone_before_sending_is_not_mentioned(member, bob, run_jobs, mailoutbox, clock):
    cleo = UserFactory(username="cleo")
    bob.follow(member)
    bob.unfollow(member)
    run_jobs()
    assert mailoutbox == []

    clock.shift(timedelta(hours=2))
    bob.follow(member)
    cleo.follow(member)
    with mock.patch.object(EmailMultiAlternatives, "send", side_effect=ConnectionRefusedError):
        run_jobs()
    bob.unfollow(member)
    for _time in range(2):
        clock.shift(timedelta(hours=1))
        run_jobs()
    assert [counted(mail) for mail in mailoutbox] == [1]
    assert "@cleo" in mailoutbox[0].body


def test_following_again_the_same_day_sends_no_second_mail(member, bob, run_jobs, mailoutbox, clock):
    for hours in (3, 3, 24):
        bob.follow(member)
        run_jobs()
        bob.unfollow(member)
        assert len(mailoutbox) == 1
        clock.shift(timedelta(hours=hours))
    bob.follow(member)
    run_jobs()

    assert len(mailoutbox) == 2


def test_who_was_told_of_late_is_not_told_of_again_the_same_day(
    member, bob, follow, run_jobs, mailoutbox, clock
):
    """The cap delays a mail by a good part of a day. The day begins when it is sent."""
    choose(member, "never", "follower_milestone")
    for _hour in range(5):
        follow(1)
        run_jobs()
        clock.shift(timedelta(hours=1))
    bob.follow(member)
    run_jobs()
    assert len(mailoutbox) == 5
    clock.shift(timedelta(hours=20))
    run_jobs()
    assert "@bob" in mailoutbox[5].body

    # A day after Bob's follow, but four hours after the mail.
    clock.shift(timedelta(hours=4, minutes=1))
    bob.unfollow(member)
    bob.follow(member)
    follow(1)
    for _hour in range(30):
        run_jobs()
        clock.shift(timedelta(hours=1))
    assert sum("@bob" in mail.body for mail in mailoutbox) == 1
    assert sum(map(counted, mailoutbox)) == 7


def test_nor_who_was_told_of_late_as_the_mail_server_was_away(member, bob, run_jobs, mailoutbox, clock):
    bob.follow(member)
    with mock.patch.object(EmailMultiAlternatives, "send", side_effect=ConnectionRefusedError):
        for _hour in range(20):
            run_jobs()
            clock.shift(timedelta(hours=1))
    for _hour in range(16):
        run_jobs()
        clock.shift(timedelta(hours=1))
    assert len(mailoutbox) == 1
    bob.unfollow(member)
    bob.follow(member)
    for _hour in range(5):
        run_jobs()
        clock.shift(timedelta(hours=1))
    assert len(mailoutbox) == 1


def test_who_follows_again_while_the_mail_waits_is_in_it(member, bob, run_jobs, mailoutbox, clock):
    bob.follow(member)
    with mock.patch.object(EmailMultiAlternatives, "send", side_effect=ConnectionRefusedError):
        run_jobs()
        bob.unfollow(member)
        bob.follow(member)
        run_jobs()
    clock.shift(timedelta(hours=1))
    run_jobs()
    assert [counted(mail) for mail in mailoutbox] == [1]


def test_who_was_in_a_mail_that_was_never_sent_is_told_of_with_the_next_follow(
    member, bob, run_jobs, mailoutbox, clock
):
    bob.follow(member)
    run_jobs()
    mailoutbox.clear()
    Delivery.objects.update(state="skipped", sent_on=None)
    clock.shift(timedelta(hours=2))
    bob.unfollow(member)
    bob.follow(member)
    run_jobs()
    assert [counted(mail) for mail in mailoutbox] == [1]


def test_a_mail_that_was_made_long_ago_and_sent_just_now_counts_for_the_hour(
    member, bob, run_jobs, mailoutbox, clock, follow
):
    """The worker may have been off for days."""
    bob.follow(member)
    with mock.patch.object(EmailMultiAlternatives, "send", side_effect=ConnectionRefusedError):
        run_jobs()
    clock.shift(timedelta(days=3))
    run_jobs()
    follow(1)
    run_jobs()
    assert len(mailoutbox) == 1
    clock.shift(timedelta(hours=1))
    run_jobs()
    assert len(mailoutbox) == 2


@pytest.mark.parametrize(
    "reason", ["unwanted", "suspended", "follower suspended", "no address", "unconfirmed", "refused before"]
)
def test_nobody_is_mailed_who_must_not_be(member, bob, run_jobs, mailoutbox, settings, reason):
    bob.follow(member)
    with mock.patch.object(EmailMultiAlternatives, "send", side_effect=ConnectionRefusedError):
        assert "READY" in run_jobs()  # Enqueued before the reason.
    if reason == "unwanted":
        choose(member, "never")
    elif reason == "suspended":
        member.suspend()
    elif reason == "follower suspended":
        bob.suspend()
    elif reason == "no address":
        User.objects.filter(pk=member.pk).update(email=None)
    elif reason == "refused before":
        RefusedAddress.objects.create(address=member.email, answer="550")
    else:
        settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
        member.emailaddress_set.update(verified=False)
    Job.objects.filter(status="READY").update(run_after="2020-01-01T00:00Z")

    assert set(run_jobs()) == {"SUCCESSFUL"}
    assert mailoutbox == []
    assert Delivery.objects.get(kind="new_follower").state == "skipped"


def test_who_never_wants_it_has_nothing_collected(member, bob, run_jobs):
    bob.follow(member)
    choose(member, "never")
    run_jobs()

    assert not FollowNotice.objects.exists()


def test_a_recipient_who_has_left_is_no_failure(member, bob, run_jobs):
    bob.follow(member)
    with mock.patch.object(EmailMultiAlternatives, "send", side_effect=ConnectionRefusedError):
        run_jobs()
    member.leave()
    Job.objects.filter(status="READY").update(run_after="2020-01-01T00:00Z")

    assert set(run_jobs()) <= {"SUCCESSFUL"}


def test_an_address_changed_meanwhile_gets_the_mail(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    User.objects.filter(pk=member.pk).update(email="new@example.org")
    run_jobs()

    assert [mail.to for mail in mailoutbox] == [["new@example.org"]]


def test_a_rolled_back_follow_leaves_no_job(member, bob):
    refuse = mock.patch("django_tasks_db.models.DBTaskResult.save", side_effect=RuntimeError)
    with refuse, pytest.raises(RuntimeError):
        bob.follow(member)

    assert not bob.is_following(member)
    assert not DBTaskResult.objects.exists()


def test_a_job_that_runs_twice_tells_once(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    run_jobs()
    Job.objects.update(status="READY")
    run_jobs()

    assert len(mailoutbox) == 1
    assert Delivery.objects.get(kind="new_follower").tries == 1


def test_a_mail_of_the_same_key_is_enqueued_once(member):
    assert outbox.mail("new_follower", member, "k", told_in="x")
    assert outbox.mail("new_follower", member, "k", told_in="x") is None
    assert Job.objects.count() == 1
