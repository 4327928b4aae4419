from datetime import timedelta
from io import StringIO

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from accounts.emails.models import Delivery, SuppressedAddress
from accounts.jobs.models import Job
from accounts.notifications.models import Notification
from accounts.tasks import prune as prune_later
from accounts.tests.factories import UserFactory
from accounts.tests.locking import elsewhere, needs_row_locks


def prune(**options):
    out = StringIO()
    call_command("prune", stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def old_rows(member, member_client):
    """Create an old and a recent row of everything that is pruned."""
    now = timezone.now()
    bob, cleo = UserFactory(username="bob"), UserFactory(username="cleo")
    Session.objects.create(session_key="old", expire_date=now - timedelta(days=1))
    UserSession.objects.create(user=member, session_key="old", ip="127.0.0.1")
    for person, days in ((bob, 15), (cleo, 1)):
        prune_later.enqueue()
        Job.objects.filter(status="READY").update(status="FAILED", finished_at=now - timedelta(days=days))
        delivery = Delivery.objects.create(recipient=member, type="new_follower", key=person.username)
        old = now - timedelta(days=7 * days)
        Delivery.objects.filter(pk=delivery.pk).update(created_on=old)
        Notification.objects.create(
            recipient=member, actor=person, type="new_follower", created_on=old, emailed_in="x"
        )
        SuppressedAddress.objects.create(address=person.email, answer="no", suppressed_on=old)
    long_ago = now - timedelta(days=200)
    # One that waits for an email, and a milestone.
    Notification.objects.create(recipient=member, actor=bob, type="new_follower", created_on=long_ago)
    Notification.objects.create(
        recipient=member, type="follower_milestone", created_on=long_ago, emailed_in="x"
    )


def counts():
    models = (Session, UserSession, Job, Delivery, Notification, SuppressedAddress)
    return [model.objects.count() for model in models]


def test_old_rows_are_deleted_and_recent_ones_kept(old_rows, member_client):
    assert counts() == [2, 2, 2, 2, 4, 2]
    prune()
    assert counts() == [1, 1, 1, 1, 3, 1]
    prune()
    assert counts() == [1, 1, 1, 1, 3, 1]
    assert member_client.get("/users/settings/").status_code == 200


def test_a_dry_run_only_counts(old_rows):
    output = prune(dry_run=True)

    assert "Would delete 1 expired sessions." in output
    assert "Would delete 1 records of emails." in output
    assert counts() == [2, 2, 2, 2, 4, 2]


def test_a_waiting_job_is_never_pruned(member):
    UserFactory().follow(member)
    Job.objects.update(enqueued_at=timezone.now() - timedelta(days=400))
    prune()

    assert Job.objects.count() == 1


def test_the_worker_prunes_by_itself(old_rows, run_jobs):
    prune_later.enqueue()
    assert run_jobs() == ["SUCCESSFUL"]
    assert counts()[3] == 1


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_locked_rows_are_left_for_the_next_run(transactional_db):
    recipient = UserFactory()
    rows = [Delivery.objects.create(recipient=recipient, type="new_follower", key=key) for key in "ab"]
    Delivery.objects.update(created_on=timezone.now() - timedelta(days=100))
    with transaction.atomic():
        Delivery.objects.select_for_update().get(pk=rows[0].pk)
        elsewhere(prune)

    assert list(Delivery.objects.all()) == [rows[0]]
    prune()
    assert not Delivery.objects.exists()


def test_many_rows_are_deleted_in_several_transactions(member, monkeypatch):
    monkeypatch.setattr("accounts.management.commands.prune.BATCH", 2)
    for key in "abcde":
        Delivery.objects.create(recipient=member, type="new_follower", key=key)
    Delivery.objects.update(created_on=timezone.now() - timedelta(days=100))

    assert "Deleted 5 records of emails." in prune()
    assert not Delivery.objects.exists()
