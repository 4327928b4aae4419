"""Mail servers that are down or refuse an email, templates with errors, and names with odd characters."""

from email import message_from_string
from unittest import mock

import pytest

from accounts.emails.models import Delivery, SuppressedAddress
from accounts.jobs.errors import RETRY_DELAYS
from accounts.jobs.models import Job
from accounts.models import User
from accounts.notifications import types
from accounts.tests.email_helpers import mail_server_down, mail_server_refuses
from accounts.tests.factories import UserFactory


def test_no_email_is_lost_while_the_mail_server_is_down(member, bob, run_jobs, mailoutbox, clock):
    bob.follow(member)
    with mail_server_down(ConnectionRefusedError("away")):
        assert run_jobs().count("READY") == 1
        assert run_jobs() == []  # It waits.
        clock.shift(RETRY_DELAYS[0] * 1.2)
        assert run_jobs() == ["READY"]
    delivery = Delivery.objects.get(type="new_follower")
    assert (delivery.state, delivery.attempts, delivery.answer) == (
        "waiting",
        2,
        "ConnectionRefusedError: away",
    )
    clock.shift(RETRY_DELAYS[1] * 1.2)
    assert run_jobs() == ["SUCCESSFUL"]

    assert len(mailoutbox) == 1
    assert mailoutbox[0].extra_headers["Message-ID"] == f"<new_follower.{delivery.pk}@localhost>"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.answer) == ("sent", 3, "")


def test_an_address_that_does_not_exist_is_suppressed(member, bob, run_jobs):
    bob.follow(member)
    with mail_server_refuses(550, b"5.1.1 no such person"):
        assert set(run_jobs()) == {"SUCCESSFUL"}

    delivery = Delivery.objects.get(type="new_follower")
    assert (delivery.state, delivery.answer) == ("refused", "550 5.1.1 no such person")
    assert SuppressedAddress.objects.get().address == "ada@example.org"


def test_an_email_that_someone_asked_for_is_sent_to_a_suppressed_address(member, client, run_jobs):
    SuppressedAddress.objects.create(address=member.email, answer="550")
    client.post("/users/password/reset/", {"email": member.email})
    run_jobs()

    assert Delivery.objects.get(recipient=None).state == "sent"
    assert not SuppressedAddress.objects.exists()


def test_an_email_that_is_refused_for_good_can_be_sent_again_later(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    with mail_server_refuses(550, b"5.7.1 relaying denied"):
        assert "FAILED" in run_jobs()
    assert Delivery.objects.get(type="new_follower").state == "failed"
    assert not SuppressedAddress.objects.exists()

    assert Job.objects.failed().get().retry()
    assert run_jobs() == ["SUCCESSFUL"]
    assert len(mailoutbox) == 1


def test_an_email_whose_template_has_an_error_can_be_sent_after_the_fix(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    with mock.patch.object(types.get("new_follower"), "template", "no/such"):
        assert "FAILED" in run_jobs()
    assert "TemplateDoesNotExist" in Job.objects.failed().get().last_error

    Job.objects.failed().get().retry()
    run_jobs()
    assert len(mailoutbox) == 1


@pytest.mark.parametrize(
    "name",
    [
        "Bob\r\nBcc: eve@example.org",
        "<b>Bob</b>",
        "👩🏽‍🚀 Bob",
        "\u202eboB",
        "بوب",
        "B" * 100,
        "{{ 7|add:7 }}",
    ],
)
def test_odd_names_are_only_text(member, run_jobs, mailoutbox, name):
    bob = UserFactory(username="bob")
    User.objects.filter(pk=bob.pk).update(display_name=name[:50])
    bob.follow(member)
    run_jobs()

    (message,) = mailoutbox
    sent = message_from_string(message.message().as_string())
    assert "Bcc" not in sent
    assert sent.get_all("Subject") == [sent["Subject"]]
    assert "<b>Bob" not in message.alternatives[0][0]
    assert "14" not in message.body
