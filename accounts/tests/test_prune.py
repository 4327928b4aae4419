from datetime import timedelta
from io import StringIO

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import Delivery, FollowerChange, FollowNotice, RefusedAddress
from accounts.tasks import prune as prune_later
from accounts.tests.factories import UserFactory
from accounts.tests.locking import elsewhere, needs_row_locks


def prune(**options):
    out = StringIO()
    call_command("prune", stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def old_rows(member, member_client):
    """An old and a young row of everything that is pruned."""
    now = timezone.now()
    bob, cleo = UserFactory(username="bob"), UserFactory(username="cleo")
    Session.objects.create(session_key="old", expire_date=now - timedelta(days=1))
    UserSession.objects.create(user=member, session_key="old", ip="127.0.0.1")
    for person, days in ((bob, 15), (cleo, 1)):
        prune_later.enqueue()
        DBTaskResult.objects.filter(status="READY").update(
            status="FAILED", finished_at=now - timedelta(days=days)
        )
        told = FollowNotice.objects.create(recipient=member, follower=person, follow_id=1, told_in="x")
        delivery = Delivery.objects.create(recipient=member, kind="new_follower", key=person.username)
        old = now - timedelta(days=7 * days)
        FollowNotice.objects.filter(pk=told.pk).update(created_on=old)
        Delivery.objects.filter(pk=delivery.pk).update(created_on=old)
        FollowerChange.objects.create(recipient=member, person=person, change=1, happened_on=old)
        RefusedAddress.objects.create(address=person.email, answer="no", refused_on=old)
    FollowNotice.objects.create(
        recipient=member, follower=bob, follow_id=1, created_on=old - timedelta(days=99)
    )


def counts():
    models = (Session, UserSession, DBTaskResult, Delivery, FollowNotice, FollowerChange, RefusedAddress)
    return [model.objects.count() for model in models]


def test_what_is_old_goes_and_what_is_young_stays(old_rows, member_client):
    assert counts() == [2, 2, 2, 2, 3, 2, 2]
    prune()
    assert counts() == [1, 1, 1, 1, 2, 1, 1]  # A follow that nobody was told of yet stays.
    prune()
    assert counts() == [1, 1, 1, 1, 2, 1, 1]
    assert member_client.get("/users/settings/").status_code == 200


def test_a_dry_run_only_counts(old_rows):
    said = prune(dry_run=True)

    assert "Would delete 1 expired sessions." in said
    assert "Would delete 1 records of mails." in said
    assert counts() == [2, 2, 2, 2, 3, 2, 2]


def test_a_waiting_job_is_never_pruned(member):
    UserFactory().follow(member)
    DBTaskResult.objects.update(enqueued_at=timezone.now() - timedelta(days=400))
    prune()

    assert DBTaskResult.objects.count() == 1


def test_the_worker_prunes_by_itself(old_rows, run_jobs):
    prune_later.enqueue()
    assert run_jobs() == ["SUCCESSFUL"]
    assert counts()[3] == 1


@needs_row_locks
@pytest.mark.django_db(transaction=True)
def test_what_somebody_is_about_to_change_is_left_for_the_next_time(transactional_db):
    recipient = UserFactory()
    rows = [Delivery.objects.create(recipient=recipient, kind="new_follower", key=key) for key in "ab"]
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
        Delivery.objects.create(recipient=member, kind="new_follower", key=key)
    Delivery.objects.update(created_on=timezone.now() - timedelta(days=100))

    assert "Deleted 5 records of mails." in prune()
    assert not Delivery.objects.exists()
