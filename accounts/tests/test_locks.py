"""Rows that are read in order to be changed are locked, so that nobody else changes them in between."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.jobs.models import Job
from accounts.jobs.worker import Worker
from accounts.notifications import digests, types
from accounts.notifications.followers import NewFollower
from accounts.notifications.models import DigestSchedule
from accounts.security import snapshots
from accounts.security import tasks as security_tasks
from accounts.security.models import AccountSnapshot
from accounts.tests.factories import UserFactory
from accounts.tests.locking import checked_during, elsewhere, is_locked, needs_row_locks

pytestmark = [needs_row_locks, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada(transactional_db):
    return UserFactory(username="ada")


@pytest.fixture
def new_follower():
    return types.get("new_follower")


def make_schedule(recipient):
    due = timezone.now() - timedelta(minutes=1)
    return DigestSchedule.objects.create(recipient=recipient, type="new_follower", due_on=due)


def test_the_helper_can_tell_which_rows_are_locked(ada):
    rows = type(ada).objects.filter(pk=ada.pk)
    assert not is_locked(rows)
    with transaction.atomic():
        rows.select_for_update().get()
        assert is_locked(rows)
    assert not is_locked(rows)


def test_a_snapshot_is_locked_while_it_is_compared(ada, monkeypatch):
    """Two processes that compare at once would both notify the owner of the same change."""
    snapshot = AccountSnapshot.objects.filter(pk=ada.pk)
    locked = checked_during(monkeypatch, snapshots, "_email_differences", snapshot)
    ada.set_password("another one")
    ada.save()
    snapshots.notify_changes(ada)
    assert locked == [True]
    assert snapshot.get().version == 1


@pytest.mark.parametrize(
    "advance",
    [digests.advance, lambda pk: digests.send_digest.func(pk), lambda pk: digests.send_digests.func()],
)
def test_a_schedule_is_locked_while_its_email_is_made(ada, monkeypatch, advance):
    """Otherwise two workers could both make the email."""
    schedule = make_schedule(ada)
    schedules = DigestSchedule.objects.filter(pk=schedule.pk)
    locked = checked_during(monkeypatch, digests, "_enqueue_email", schedules)
    advance(schedule.pk)
    assert locked == [True]


def test_a_schedule_is_locked_while_a_choice_is_stored(ada, new_follower, monkeypatch):
    schedule = make_schedule(ada)
    locked = checked_during(monkeypatch, digests, "next_due", DigestSchedule.objects.filter(pk=schedule.pk))
    digests.choose(ada, new_follower, "daily")
    assert locked == [True]


def test_the_recipient_is_locked_while_a_notification_is_stored(ada, monkeypatch):
    """Otherwise a follower whom an email is about to name would be named in the next one, too."""
    locked = checked_during(monkeypatch, NewFollower, "earlier_email", type(ada).objects.filter(pk=ada.pk))
    UserFactory().follow(ada)
    assert locked == [True]


def test_other_workers_skip_a_job_that_a_worker_is_claiming(ada, monkeypatch):
    security_tasks.reconcile_accounts.enqueue()
    job, claim, others = Job.objects.get(), Job.claim, []

    def ask_another_worker(self, worker_id):
        monkeypatch.setattr(Job, "claim", claim)
        others.append(elsewhere(lambda: Worker().claim_next()))
        return claim(self, worker_id)

    monkeypatch.setattr(Job, "claim", ask_another_worker)
    assert Worker().claim_next() == job
    assert others == [None]
