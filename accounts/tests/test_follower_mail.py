import re
import smtplib
from datetime import UTC, datetime, timedelta
from email import message_from_string
from unittest import mock

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import Delivery, MailKind, MailPreference
from accounts.models.job import DELAYS
from accounts.models.mail import DeliveryClaimed
from accounts.outbox import send_once
from accounts.tests.factories import UserFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def bob(db):
    return UserFactory(username="bob", display_name="Bob <b>\nBuilder & Sons")


def test_who_gains_a_follower_is_told(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    assert mailoutbox == []

    assert run_jobs() == ["SUCCESSFUL"]
    (mail,) = mailoutbox
    assert mail.to == ["ada@example.org"]
    assert mail.subject == "Bob <b> Builder & Sons (@bob) follows you"
    assert "http://localhost:8000/@bob/" in mail.body
    html, _type = mail.alternatives[0]
    assert 'href="http://localhost:8000/@bob/"' in html
    assert "Bob &lt;b&gt;" in html
    assert "prefers-color-scheme: dark" in html
    assert '<a class="button" href="http://localhost:8000/@bob/" style=' in html


def test_the_mail_can_be_turned_off_with_one_click(member, bob, run_jobs, mailoutbox, client):
    bob.follow(member)
    run_jobs()
    message = message_from_string(mailoutbox[0].message().as_string())

    assert message["List-ID"] == "<new-follower.localhost>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.search(r"<http://localhost:8000(.+)>", re.sub(r"\s", "", message["List-Unsubscribe"]))[1]
    assert f"http://localhost:8000{link}" in mailoutbox[0].body

    assert client.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not MailPreference.wants(member, MailKind.NEW_FOLLOWER)


def test_a_follow_undone_before_sending_sends_nothing(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    bob.unfollow(member)

    assert run_jobs() == ["SUCCESSFUL"]
    assert mailoutbox == []


def test_following_again_the_same_day_sends_no_second_mail(member, bob, run_jobs, mailoutbox):
    with time_machine.travel(NOON) as clock:
        bob.follow(member)
        run_jobs()
        bob.unfollow(member)
        clock.shift(timedelta(hours=3))
        bob.follow(member)
        run_jobs()
        assert len(mailoutbox) == 1

        bob.unfollow(member)
        clock.shift(timedelta(days=1))
        bob.follow(member)
        run_jobs()
        assert len(mailoutbox) == 2


@pytest.mark.parametrize(
    "reason", ["unwanted", "suspended", "follower suspended", "no address", "unconfirmed"]
)
def test_nobody_is_mailed_who_must_not_be(member, bob, run_jobs, mailoutbox, settings, reason):
    bob.follow(member)
    if reason == "unwanted":
        MailPreference.choose(member, MailKind.NEW_FOLLOWER, False)
    elif reason == "suspended":
        member.suspend()
    elif reason == "follower suspended":
        bob.suspend()
    elif reason == "no address":
        member.email = None
        member.save()
    else:
        settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
        member.emailaddress_set.update(verified=False)

    assert run_jobs() == ["SUCCESSFUL"]
    assert mailoutbox == []


def test_a_rolled_back_follow_leaves_no_job(member, bob):
    refuse = mock.patch("django_tasks_db.models.DBTaskResult.save", side_effect=RuntimeError)
    with refuse, pytest.raises(RuntimeError):
        bob.follow(member)

    assert not bob.is_following(member)
    assert not DBTaskResult.objects.exists()


def test_a_mail_server_that_is_away_costs_time_and_no_mail(member, bob, run_jobs, mailoutbox):
    with time_machine.travel(NOON, tick=False) as clock:
        bob.follow(member)
        with mock.patch.object(EmailMultiAlternatives, "send", side_effect=ConnectionRefusedError):
            assert run_jobs() == ["READY"]
            assert run_jobs() == []  # It waits.
            clock.shift(DELAYS[0] * 1.2)
            assert run_jobs() == ["READY"]
        clock.shift(DELAYS[1] * 1.2)
        assert run_jobs() == ["SUCCESSFUL"]

    assert len(mailoutbox) == 1


def test_a_mail_refused_for_good_is_a_failed_job(member, bob, run_jobs):
    bob.follow(member)
    refused = smtplib.SMTPRecipientsRefused({"ada@example.org": (550, b"no such person")})
    with mock.patch.object(EmailMultiAlternatives, "send", side_effect=refused):
        assert run_jobs() == ["FAILED"]

    assert "SMTPRecipientsRefused" in DBTaskResult.objects.get().exception_class_path


class TestSendOnce:
    def send(self, member, message):
        return send_once(message, recipient=member, kind=MailKind.NEW_FOLLOWER, key="k")

    def test_a_job_that_runs_twice_mails_once(self, member):
        message = mock.Mock()

        assert self.send(member, message) is True
        assert self.send(member, message) is False
        message.send.assert_called_once_with()

    def test_after_a_failure_it_is_tried_again(self, member):
        with pytest.raises(OSError, match="away"):
            self.send(member, mock.Mock(send=mock.Mock(side_effect=OSError("away"))))

        assert self.send(member, mock.Mock()) is True

    def test_while_one_worker_sends_no_other_does(self, member):
        def meanwhile():
            with pytest.raises(DeliveryClaimed):
                self.send(member, mock.Mock())

        assert self.send(member, mock.Mock(send=meanwhile)) is True

    def test_the_claim_of_a_worker_that_was_killed_expires(self, member):
        with pytest.raises(KeyboardInterrupt):
            self.send(member, mock.Mock(send=mock.Mock(side_effect=KeyboardInterrupt)))
        Delivery.objects.update(claimed_on=timezone.now() - timedelta(minutes=6))

        assert self.send(member, mock.Mock()) is True
