"""Notifications about new followers, and when and how they are emailed."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_string
from unittest import mock

import pytest
from django.core.mail import EmailMultiAlternatives

from accounts.emails import outbox
from accounts.emails.models import Delivery, SuppressedAddress
from accounts.jobs.models import Job
from accounts.models import User
from accounts.notifications import digests, types
from accounts.notifications.models import Notification
from accounts.tests.email_helpers import NOON, choose, count_people, mail_server_down
from accounts.tests.factories import UserFactory


def test_a_new_follower_is_emailed(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    assert mailoutbox == []

    run_jobs()
    (message,) = mailoutbox
    assert message.to == ["ada@example.org"]
    assert message.subject == "Bob <b> Builder & Sons (@bob) follows you"
    assert "http://localhost:8000/@bob/" in message.body
    html, _type = message.alternatives[0]
    assert 'href="http://localhost:8000/@bob/"' in html
    assert "Bob &lt;b&gt;" in html
    assert "prefers-color-scheme: dark" in html
    assert '<a class="button" href="http://localhost:8000/@bob/" style=' in html


def test_a_follow_needs_two_jobs(member, bob, run_jobs):
    bob.follow(member)
    run_jobs()

    assert sorted(Job.objects.values_list("task_path", flat=True)) == ["emails.deliver", "emails.send_digest"]


def test_a_follower_without_a_display_name_is_named_once(member, run_jobs, mailoutbox, clock):
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


def test_the_email_can_be_turned_off_with_one_click(member, bob, run_jobs, mailoutbox, client):
    bob.follow(member)
    run_jobs()
    message = message_from_string(mailoutbox[0].message().as_string())

    assert message["List-ID"] == "<new-follower.localhost>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.search(r"<http://localhost:8000(.+)>", re.sub(r"\s", "", message["List-Unsubscribe"]))[1]
    assert f"http://localhost:8000{link}" in mailoutbox[0].body

    assert client.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert types.get("new_follower").frequency_for(member) == "never"


def test_the_first_email_is_sent_at_once_and_then_one_an_hour(member, follow, run_jobs, mailoutbox, clock):
    choose(member, "never", "follower_milestone")
    follow(1)
    run_jobs()
    assert [count_people(message) for message in mailoutbox] == [1]

    for _minute in range(3):
        clock.shift(timedelta(minutes=10))
        follow(5)
        run_jobs()
    assert len(mailoutbox) == 1
    clock.shift(timedelta(minutes=30))
    run_jobs()
    assert [count_people(message) for message in mailoutbox] == [1, 15]
    assert "and 14 others follow you" in mailoutbox[1].subject
    assert mailoutbox[1].body.count("\n@") == 10


def test_at_most_five_emails_a_day_leave_no_one_out(member, follow, run_jobs, mailoutbox, clock):
    for _hour in range(60):
        follow(1)
        run_jobs()
        clock.shift(timedelta(minutes=61))
    clock.shift(timedelta(days=1))
    run_jobs()

    assert sum(map(count_people, mailoutbox)) == 60
    deliveries = Delivery.objects.filter(type="new_follower").order_by("sent_on")
    sent_on = list(deliveries.values_list("sent_on", flat=True))
    assert all(
        later - earlier >= timedelta(days=1) for earlier, later in zip(sent_on, sent_on[5:], strict=False)
    )
    assert 10 <= len(sent_on) <= 16


def test_no_second_email_is_made_while_the_first_waits_for_the_mail_server(
    member, follow, run_jobs, mailoutbox, clock
):
    follow(1)
    with mail_server_down():
        run_jobs()
        clock.shift(timedelta(hours=2))
        follow(1)
        run_jobs()
    assert Delivery.objects.count() == 1
    for _hour in range(12):
        clock.shift(timedelta(hours=2))
        run_jobs()

    assert [count_people(message) for message in mailoutbox] == [1, 1]


@pytest.mark.parametrize(("frequency", "days"), [("daily", 1), ("weekly", 7)])
def test_a_daily_or_weekly_email_is_sent_at_seven(
    member, follow, run_jobs, mailoutbox, clock, frequency, days
):
    choose(member, frequency)
    follow(3)
    run_jobs()
    clock.shift(timedelta(hours=18))  # Six on a Monday morning.
    digests.send_digests.func()
    run_jobs()
    assert mailoutbox == []

    for _run in range(2):
        clock.shift(timedelta(hours=1))
        digests.send_digests.func()
        run_jobs()
    assert [count_people(message) for message in mailoutbox] == [3]

    follow(1)
    run_jobs()
    clock.shift(timedelta(days=days))
    digests.send_digests.func()
    run_jobs()
    assert [count_people(message) for message in mailoutbox] == [3, 1]


def test_waiting_notifications_are_emailed_after_a_change_to_at_once(
    member, follow, run_jobs, mailoutbox, clock
):
    choose(member, "weekly")
    follow(2)
    run_jobs()
    choose(member, "at_once")
    run_jobs()

    assert [count_people(message) for message in mailoutbox] == [2]


@pytest.mark.parametrize("before", ["weekly", "at_once"])
def test_what_happened_before_or_while_emails_were_off_is_never_emailed(
    member, follow, run_jobs, mailoutbox, clock, before
):
    choose(member, before)
    follow(1)
    choose(member, "never")
    follow(1)
    run_jobs()
    choose(member, "at_once")
    run_jobs()
    assert mailoutbox == []
    assert set(member.notifications.values_list("emailed_in", flat=True)) == {Notification.NOT_WANTED}

    follow(1)
    run_jobs()
    assert [count_people(message) for message in mailoutbox] == [1]


def test_a_day_begins_in_the_recipients_time_zone(member):
    def due(zone, frequency="daily"):
        member.time_zone = zone
        return digests.next_due(member, frequency, NOON)

    assert due("") == datetime(2026, 3, 2, 7, tzinfo=UTC)
    assert due("Asia/Tokyo") == datetime(2026, 3, 1, 22, tzinfo=UTC)
    assert due("America/Los_Angeles") == datetime(2026, 3, 1, 15, tzinfo=UTC)
    assert due("Asia/Tokyo", "weekly") == datetime(2026, 3, 1, 22, tzinfo=UTC)
    assert due("America/Los_Angeles", "weekly") == datetime(2026, 3, 2, 15, tzinfo=UTC)


def test_a_follow_undone_before_the_email_is_not_mentioned(member, bob, run_jobs, mailoutbox, clock):
    cleo = UserFactory(username="cleo")
    bob.follow(member)
    bob.unfollow(member)
    assert not member.notifications.exists()
    run_jobs()
    assert mailoutbox == []

    clock.shift(timedelta(hours=2))
    bob.follow(member)
    cleo.follow(member)
    with mail_server_down():
        run_jobs()
    bob.unfollow(member)
    for _time in range(2):
        clock.shift(timedelta(hours=1))
        run_jobs()
    assert [count_people(message) for message in mailoutbox] == [1]
    assert "@cleo" in mailoutbox[0].body


def test_following_again_within_a_day_sends_no_second_email(member, bob, run_jobs, mailoutbox, clock):
    for hours in (3, 3, 24):
        bob.follow(member)
        run_jobs()
        bob.unfollow(member)
        assert len(mailoutbox) == 1
        clock.shift(timedelta(hours=hours))
    bob.follow(member)
    run_jobs()

    assert len(mailoutbox) == 2


def test_the_day_begins_when_the_email_is_sent(member, bob, follow, run_jobs, mailoutbox, clock):
    """The limit of five emails a day can delay an email for most of a day."""
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

    # A day after Bob's follow, but four hours after the email.
    clock.shift(timedelta(hours=4, minutes=1))
    bob.unfollow(member)
    bob.follow(member)
    follow(1)
    for _hour in range(30):
        run_jobs()
        clock.shift(timedelta(hours=1))
    assert sum("@bob" in message.body for message in mailoutbox) == 1
    assert sum(map(count_people, mailoutbox)) == 7


def test_the_day_begins_when_the_mail_server_is_back(member, bob, run_jobs, mailoutbox, clock):
    bob.follow(member)
    with mail_server_down():
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


def test_a_waiting_email_names_someone_who_follows_again(member, bob, run_jobs, mailoutbox, clock):
    bob.follow(member)
    with mail_server_down():
        run_jobs()
        bob.unfollow(member)
        bob.follow(member)
        run_jobs()
    clock.shift(timedelta(hours=1))
    run_jobs()
    assert [count_people(message) for message in mailoutbox] == [1]


@pytest.mark.parametrize("again", ["after the email", "while it is being sent"])
def test_who_was_left_out_of_an_email_is_named_in_the_next_one(
    member, bob, follow, run_jobs, mailoutbox, clock, again
):
    bob.follow(member)
    follow(1)
    with mail_server_down():
        run_jobs()
    bob.unfollow(member)
    clock.shift(timedelta(hours=1))
    send = EmailMultiAlternatives.send

    def send_slowly(message):
        # This email has been rendered without Bob.
        bob.follow(member)
        return send(message)

    if again == "while it is being sent":
        with mock.patch.object(EmailMultiAlternatives, "send", autospec=True, side_effect=send_slowly):
            run_jobs()
    else:
        run_jobs()
        bob.follow(member)
    assert [count_people(message) for message in mailoutbox] == [1]
    clock.shift(timedelta(hours=1))
    run_jobs()

    assert [count_people(message) for message in mailoutbox] == [1, 1]
    assert "@bob" in mailoutbox[1].body


def test_an_email_that_was_never_sent_does_not_prevent_the_next_one(member, bob, run_jobs, mailoutbox, clock):
    bob.follow(member)
    run_jobs()
    mailoutbox.clear()
    Delivery.objects.update(state="skipped", sent_on=None)
    clock.shift(timedelta(hours=2))
    bob.unfollow(member)
    bob.follow(member)
    run_jobs()
    assert [count_people(message) for message in mailoutbox] == [1]


def test_an_email_that_was_sent_days_late_delays_the_next_one(
    member, bob, run_jobs, mailoutbox, clock, follow
):
    """The worker may have been off for days."""
    bob.follow(member)
    with mail_server_down():
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
    "reason", ["turned off", "suspended", "follower suspended", "no address", "unconfirmed", "suppressed"]
)
def test_a_waiting_email_is_skipped(member, bob, run_jobs, mailoutbox, settings, reason):
    bob.follow(member)
    with mail_server_down():
        assert "READY" in run_jobs()  # The email was enqueued before the reason came up.
    if reason == "turned off":
        choose(member, "never")
    elif reason == "suspended":
        member.suspend()
    elif reason == "follower suspended":
        bob.suspend()
    elif reason == "no address":
        User.objects.filter(pk=member.pk).update(email=None)
    elif reason == "suppressed":
        SuppressedAddress.objects.create(address=member.email, answer="550")
    else:
        settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
        member.emailaddress_set.update(verified=False)
    Job.objects.filter(status="READY").update(run_after="2020-01-01T00:00Z")

    assert set(run_jobs()) == {"SUCCESSFUL"}
    assert mailoutbox == []
    assert Delivery.objects.get(type="new_follower").state == "skipped"


def test_a_recipient_who_left_causes_no_error(member, bob, run_jobs):
    bob.follow(member)
    with mail_server_down():
        run_jobs()
    member.leave()
    Job.objects.filter(status="READY").update(run_after="2020-01-01T00:00Z")

    assert set(run_jobs()) <= {"SUCCESSFUL"}


def test_the_email_goes_to_the_current_address(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    User.objects.filter(pk=member.pk).update(email="new@example.org")
    run_jobs()

    assert [message.to for message in mailoutbox] == [["new@example.org"]]


def test_a_follow_that_is_rolled_back_leaves_no_notification_and_no_job(member, bob):
    refuse = mock.patch("accounts.jobs.models.Job.save", side_effect=RuntimeError)
    with refuse, pytest.raises(RuntimeError):
        bob.follow(member)

    assert not bob.is_following(member)
    assert not Notification.objects.exists()
    assert not Job.objects.exists()


def test_jobs_that_run_twice_send_one_email(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    run_jobs()
    Job.objects.update(status="READY")
    run_jobs()

    assert len(mailoutbox) == 1
    assert Delivery.objects.get(type="new_follower").attempts == 1


def test_an_email_with_the_same_key_is_enqueued_once(member):
    assert outbox.enqueue("new_follower", member, "k", emailed_in="k")
    assert outbox.enqueue("new_follower", member, "k", emailed_in="k") is None
    assert Job.objects.count() == 1


def test_follows_within_twelve_hours_have_one_group(member, follow, clock):
    clock.move_to(datetime(2026, 3, 1, 0, tzinfo=UTC))
    for hours in (11, 3):
        follow(2)
        clock.shift(timedelta(hours=hours))
    follow(1)

    groups = list(member.notifications.order_by("pk").values_list("group_key", flat=True))
    assert len(set(groups[:4])) == 1
    assert groups[3] != groups[4]
