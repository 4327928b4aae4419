"""After a restore, old emails wait for an operator, and new ones are sent."""

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

from accounts.emails import outbox
from accounts.emails.models import Delivery, OutboxHold
from accounts.jobs import registry
from accounts.jobs.models import Job, exception_path
from accounts.notifications.digests import send_digests
from accounts.notifications.models import DigestSchedule, Frequency, Notification
from accounts.outbox_hold import hold_outbox
from accounts.security import snapshots
from accounts.security.models import AccountSnapshot
from accounts.tests.email_helpers import choose
from accounts.tests.factories import FollowFactory, UserFactory
from posts.ids import first_id_at
from posts.tests.factories import PostFactory


def release(**choice):
    out = StringIO()
    call_command("release_outbox", stdout=out, **choice)
    return out.getvalue()


@pytest.fixture
def restored(member, run_jobs):
    """A database that was backed up when all kinds of emails were about to be sent, and restored."""
    AccountSnapshot.create_missing([member.pk])
    outbox.enqueue_rendered("reset", "ada@example.org", "Reset", "Text", "")
    outbox.enqueue("password_changed", member, "before", **snapshots.request_origin(None))
    member.set_password("another long password")
    member.save()
    Authenticator.objects.create(user=member, type=Authenticator.Type.TOTP, data={})
    choose(member, Frequency.DAILY, "home_by_mail")
    choose(member, Frequency.WEEKLY, "follower_statement")
    for person in UserFactory.create_batch(9):
        FollowFactory(follower=person, followed=member)
    UserFactory(username="tenth").follow(member)
    friend = UserFactory(username="friend")
    FollowFactory(follower=member, followed=friend)
    before = timezone.now() - timedelta(hours=1)
    PostFactory(author=friend, id=first_id_at(before))
    DigestSchedule.objects.update(covered_until=before - timedelta(hours=1))
    hold_outbox()
    return member


def settle(run_jobs):
    """Run the worker for the next ten days."""
    for days in (0.1, 2, 10):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            send_digests.enqueue()
            snapshots.reconcile()
            run_jobs()


def test_nothing_old_is_sent_while_the_outbox_is_held(restored, run_jobs):
    settle(run_jobs)

    assert mail.outbox == []
    assert Delivery.objects.filter(state=Delivery.State.HELD).count() == 2


def test_an_email_that_a_member_requests_is_sent_while_old_ones_are_held(restored, run_jobs):
    outbox.enqueue_rendered("reset", "ada@example.org", "Asked for now", "Text", "")
    outbox.enqueue("password_changed", restored, "after", **snapshots.request_origin(None))
    run_jobs()

    assert len(mail.outbox) == 2
    assert mail.outbox[0].subject == "Asked for now"


def test_without_a_choice_nothing_is_released(restored):
    with pytest.raises(CommandError, match="2 emails and all digests have been on hold.*--discard.*--send"):
        release()
    assert OutboxHold.is_on()


def test_discarded_emails_count_as_sent(restored, run_jobs):
    assert "Discarded 2 emails" in release(discard=True)
    settle(run_jobs)

    assert [message.subject for message in mail.outbox] == []
    assert not Delivery.objects.exclude(state=Delivery.State.SKIPPED).exists()
    restored.refresh_from_db()
    assert restored.milestone == 10
    assert not Notification.objects.waiting().exists()
    assert "No emails are on hold" in release(discard=True)


def test_events_after_the_restore_are_still_emailed_when_old_ones_are_discarded(restored, run_jobs):
    UserFactory(username="newcomer").follow(restored)
    restored.set_password("a third long password")
    restored.save()
    AccountSnapshot.mark(restored.pk)
    run_jobs()
    release(discard=True)
    settle(run_jobs)

    subjects = [message.subject for message in mail.outbox]
    assert any("password" in subject.lower() for subject in subjects)
    assert any("@newcomer follows you" in subject for subject in subjects)
    assert not any("@tenth" in message.body for message in mail.outbox)


def test_held_emails_are_sent_if_the_operator_chooses_so(restored, run_jobs):
    assert "Sending 2 emails" in release(send=True)
    settle(run_jobs)

    sent_types = set(Delivery.objects.filter(state=Delivery.State.SENT).values_list("type", flat=True))
    assert {"reset", "password_changed", "new_follower", "home_by_mail", "follower_milestone"} <= sent_types
    assert not Job.objects.failed().exists()


def test_an_unreadable_database_is_explained(db):
    with pytest.raises(CommandError, match="not allowed with"):
        call_command("release_outbox", "--send", "--discard")
    missing = OperationalError("no such table: accounts_outboxhold")
    with mock.patch.object(OutboxHold.objects, "first", side_effect=missing):
        with pytest.raises(CommandError, match="no such table.*doctor"):
            release()


def test_a_second_hold_loses_nothing(restored, run_jobs):
    hold_outbox()
    release(send=True)
    run_jobs()
    assert Delivery.objects.filter(state=Delivery.State.SENT).count() >= 2


def test_health_and_the_admin_show_that_emails_are_held(restored, client, admin_client):
    assert "release_outbox" in client.get("/healthz/").content.decode()
    page = admin_client.get("/admin/accounts/delivery/")
    assert "restored from a backup" in page.content.decode()


RENDERED = ["Subject", "Text", "", "us@example.org", ["ada@example.org"], {}]


@pytest.mark.parametrize("path", ["accounts.tasks.send_mail", "emails.deliver_by_carrier_pigeon"])
def test_email_jobs_of_other_releases_are_held_too(member, run_jobs, path):
    outbox.enqueue_rendered("reset", "ada@example.org", "Reset", "Text", "")
    Job.objects.update(task_path=path, args_kwargs={"args": RENDERED, "kwargs": {}})
    hold_outbox()
    settle(run_jobs)
    assert mail.outbox == []
    release(send=True)
    assert Job.objects.get(task_path=path).run_after <= timezone.now()


@pytest.mark.parametrize("path", [path for path in registry.former_names() if path.endswith("follow")])
def test_discarding_also_covers_follows_that_a_job_of_an_older_release_would_record(member, path):
    args = {"args": [1, 2, 3, timezone.now().isoformat()], "kwargs": {}}
    UserFactory().follow(member)
    Job.objects.update(task_path=path, args_kwargs=args)
    hold_outbox()
    release(discard=True)
    assert not Job.objects.exists()


def test_held_jobs_stay_held_despite_clock_changes_and_upgrades(restored, run_jobs):
    held = Job.objects.held()
    assert held.count() == 2
    held.update(
        enqueued_at=timezone.now() + timedelta(days=400_000),
        exception_class_path=exception_path(registry.UnknownTask),
    )
    Job.objects.correct_future_times(timezone.now())
    Job.objects.requeue_known()
    run_jobs()
    assert held.count() == 2
    assert mail.outbox == []
