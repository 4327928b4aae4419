"""Emails after a restore: old ones wait for an operator, new ones are sent."""

from datetime import timedelta
from io import StringIO
from unittest import mock

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from accounts import security
from accounts.emails import outbox
from accounts.emails.hold import hold_outbox
from accounts.emails.kinds import When
from accounts.jobs import registry
from accounts.models import Delivery, FollowNotice, Job, MailPlan, Milestone, OutboxHold, ToldState
from accounts.models.job import path_of
from accounts.tasks import make_digests
from accounts.tests.factories import FollowFactory, UserFactory
from accounts.tests.mailing import choose
from posts.ids import first_id_at
from posts.tests.factories import PostFactory


def release(**choice):
    out = StringIO()
    call_command("release_outbox", stdout=out, **choice)
    return out.getvalue()


@pytest.fixture
def restored(member, run_jobs):
    """A database that was backed up when all kinds of emails were about to be sent, and restored."""
    ToldState.remember(member)
    outbox.mail_rendered("reset", "ada@example.org", "Reset", "Text", "")
    outbox.mail("password_changed", member, "before", **security.origin_of(None))
    member.set_password("another long password")
    member.save()
    Authenticator.objects.create(user=member, type=Authenticator.Type.TOTP, data={})
    choose(member, When.DAILY, "home_by_mail")
    choose(member, When.WEEKLY, "follower_statement")
    for person in UserFactory.create_batch(9):
        FollowFactory(follower=person, followed=member)
    UserFactory(username="tenth").follow(member)
    friend = UserFactory(username="friend")
    FollowFactory(follower=member, followed=friend)
    before = timezone.now() - timedelta(hours=1)
    PostFactory(author=friend, id=first_id_at(before))
    MailPlan.objects.update(told_until=before - timedelta(hours=1))
    hold_outbox()
    return member


def settle(run_jobs):
    """Let the worker do all that it does in the next ten days."""
    for days in (0.1, 2, 10):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            make_digests.enqueue()
            security.sweep()
            run_jobs()


def test_nothing_old_is_sent_while_the_outbox_is_held(restored, run_jobs):
    settle(run_jobs)

    assert mail.outbox == []
    assert Delivery.objects.filter(state=Delivery.State.HELD).count() == 2


def test_an_email_that_a_member_asks_for_is_sent_although_old_ones_are_held(restored, run_jobs):
    outbox.mail_rendered("reset", "ada@example.org", "Asked for now", "Text", "")
    outbox.mail("password_changed", restored, "after", **security.origin_of(None))
    run_jobs()

    assert len(mail.outbox) == 2
    assert mail.outbox[0].subject == "Asked for now"


def test_without_a_choice_nothing_is_released(restored):
    with pytest.raises(CommandError, match="2 emails and all digests wait.*--discard.*--send"):
        release()
    assert OutboxHold.is_on()


def test_what_was_pending_counts_as_sent_if_it_is_discarded(restored, run_jobs):
    assert "Discarded 2 emails" in release(discard=True)
    settle(run_jobs)

    assert [message.subject for message in mail.outbox] == []
    assert not Delivery.objects.exclude(state=Delivery.State.SKIPPED).exists()
    assert Milestone.objects.get().threshold == 10
    assert not FollowNotice.objects.filter(told_in="").exists()
    assert "not held" in release(discard=True)


def test_what_happened_after_the_restore_is_told_though_the_old_is_discarded(restored, run_jobs):
    UserFactory(username="newcomer").follow(restored)
    restored.set_password("a third long password")
    restored.save()
    ToldState.mark(restored.pk)
    run_jobs()
    release(discard=True)
    settle(run_jobs)

    subjects = [message.subject for message in mail.outbox]
    assert any("password" in subject.lower() for subject in subjects)
    assert any("@newcomer follows you" in subject for subject in subjects)
    assert not any("@tenth" in message.body for message in mail.outbox)


def test_what_was_pending_is_sent_if_that_is_chosen(restored, run_jobs):
    assert "2 emails are sent now" in release(send=True)
    settle(run_jobs)

    kinds = set(Delivery.objects.filter(state=Delivery.State.SENT).values_list("kind", flat=True))
    assert {"reset", "password_changed", "new_follower", "home_by_mail", "follower_milestone"} <= kinds
    assert not Job.objects.failed().exists()


def test_what_can_not_be_asked_ends_with_a_sentence(db):
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("release_outbox", "--send", "--discard")
    missing = OperationalError("no such table: accounts_outboxhold")
    with mock.patch.object(OutboxHold.objects, "first", side_effect=missing):
        with pytest.raises(CommandError, match="no such table.*doctor"):
            release()


def test_holding_twice_loses_nothing(restored, run_jobs):
    hold_outbox()
    release(send=True)
    run_jobs()
    assert Delivery.objects.filter(state=Delivery.State.SENT).count() >= 2


def test_health_and_the_admin_say_that_emails_are_held(restored, client, admin_client):
    assert "release_outbox" in client.get("/healthz/").content.decode()
    page = admin_client.get("/admin/accounts/delivery/")
    assert "restored from a backup" in page.content.decode()


RENDERED = ["Subject", "Text", "", "us@example.org", ["ada@example.org"], {}]


@pytest.mark.parametrize("path", ["accounts.tasks.send_mail", "emails.deliver_by_carrier_pigeon"])
def test_jobs_of_other_releases_that_send_an_email_are_held_too(member, run_jobs, path):
    outbox.mail_rendered("reset", "ada@example.org", "Reset", "Text", "")
    Job.objects.update(task_path=path, args_kwargs={"args": RENDERED, "kwargs": {}})
    hold_outbox()
    settle(run_jobs)
    assert mail.outbox == []
    release(send=True)
    assert Job.objects.get(task_path=path).run_after <= timezone.now()


@pytest.mark.parametrize("path", [path for path in registry.former_names() if path.endswith("follow")])
def test_follows_that_a_job_of_an_older_release_would_record_count_as_told_if_discarded(member, path):
    UserFactory().follow(member)
    Job.objects.update(task_path=path)
    hold_outbox()
    release(discard=True)
    assert not Job.objects.exists()


def test_held_jobs_stay_held_whatever_clocks_and_releases_do(restored, run_jobs):
    held = Job.objects.held()
    assert held.count() == 2
    held.update(
        enqueued_at=timezone.now() + timedelta(days=400_000),
        exception_class_path=path_of(registry.UnknownTask),
    )
    Job.objects.correct_future_times(timezone.now())
    Job.objects.release_known()
    run_jobs()
    assert held.count() == 2
    assert mail.outbox == []
