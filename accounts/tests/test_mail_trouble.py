"""Mail servers that are away or refuse, templates that break, names that are odd."""

from email import message_from_string
from unittest import mock

import pytest
from django.core.mail import EmailMultiAlternatives

from accounts.emails import kinds
from accounts.models import Delivery, Job, RefusedAddress, User
from accounts.models.job import DELAYS
from accounts.tests.factories import UserFactory
from accounts.tests.mailing import refuse


def test_a_mail_server_that_is_away_costs_time_and_no_mail(member, bob, run_jobs, mailoutbox, clock):
    bob.follow(member)
    with mock.patch.object(EmailMultiAlternatives, "send", side_effect=ConnectionRefusedError("away")):
        assert run_jobs().count("READY") == 1
        assert run_jobs() == []  # It waits.
        clock.shift(DELAYS[0] * 1.2)
        assert run_jobs() == ["READY"]
    delivery = Delivery.objects.get(kind="new_follower")
    assert (delivery.state, delivery.tries, delivery.answer) == ("waiting", 2, "ConnectionRefusedError: away")
    clock.shift(DELAYS[1] * 1.2)
    assert run_jobs() == ["SUCCESSFUL"]

    assert len(mailoutbox) == 1
    assert mailoutbox[0].extra_headers["Message-ID"] == f"<new_follower.{delivery.pk}@localhost>"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.answer) == ("sent", 3, "")


def test_an_address_that_does_not_exist_is_marked_and_no_longer_tried(member, bob, run_jobs):
    bob.follow(member)
    with refuse(550, b"5.1.1 no such person"):
        assert set(run_jobs()) == {"SUCCESSFUL"}

    delivery = Delivery.objects.get(kind="new_follower")
    assert (delivery.state, delivery.answer) == ("refused", "550 5.1.1 no such person")
    assert RefusedAddress.objects.get().address == "ada@example.org"


def test_a_mail_that_is_asked_for_is_tried_all_the_same_and_lifts_the_mark(member, client, run_jobs):
    RefusedAddress.objects.create(address=member.email, answer="550")
    client.post("/users/password/reset/", {"email": member.email})
    run_jobs()

    assert Delivery.objects.get(recipient=None).state == "sent"
    assert not RefusedAddress.objects.exists()


def test_a_mail_refused_for_good_is_a_failed_job_and_a_given_up_mail_until_somebody_mends_it(
    member, bob, run_jobs, mailoutbox
):
    bob.follow(member)
    with refuse(550, b"5.7.1 relaying denied"):
        assert "FAILED" in run_jobs()
    assert Delivery.objects.get(kind="new_follower").state == "failed"
    assert not RefusedAddress.objects.exists()

    assert Job.objects.failed().get().try_again()
    assert run_jobs() == ["SUCCESSFUL"]
    assert len(mailoutbox) == 1


def test_a_template_that_is_broken_fails_and_is_sent_after_the_fix(member, bob, run_jobs, mailoutbox):
    bob.follow(member)
    with mock.patch.object(kinds.get("new_follower"), "template", "no/such"):
        assert "FAILED" in run_jobs()
    assert "TemplateDoesNotExist" in Job.objects.failed().get().cause

    Job.objects.failed().get().try_again()
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
def test_odd_names_stay_names(member, run_jobs, mailoutbox, name):
    bob = UserFactory(username="bob")
    User.objects.filter(pk=bob.pk).update(display_name=name[:50])
    bob.follow(member)
    run_jobs()

    (mail,) = mailoutbox
    sent = message_from_string(mail.message().as_string())
    assert "Bcc" not in sent
    assert sent.get_all("Subject") == [sent["Subject"]]
    assert "<b>Bob" not in mail.alternatives[0][0]
    assert "14" not in mail.body
