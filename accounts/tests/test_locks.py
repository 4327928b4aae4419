"""Where something is read in order to be changed, nobody else can change it in between."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import security, tasks
from accounts.emails import kinds, plans
from accounts.emails.followers import NewFollower
from accounts.jobs.worker import Worker
from accounts.models import Job, MailPlan, ToldState
from accounts.tests.factories import FollowFactory, UserFactory
from accounts.tests.locking import checked_during, elsewhere, is_locked, needs_row_locks

pytestmark = [needs_row_locks, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada(transactional_db):
    return UserFactory(username="ada")


@pytest.fixture
def new_follower():
    return kinds.get("new_follower")


def make_plan(recipient):
    due = timezone.now() - timedelta(minutes=1)
    return MailPlan.objects.create(recipient=recipient, kind="new_follower", due_on=due)


def test_the_tests_can_tell_what_is_locked(ada):
    rows = type(ada).objects.filter(pk=ada.pk)
    assert not is_locked(rows)
    with transaction.atomic():
        rows.select_for_update().get()
        assert is_locked(rows)
    assert not is_locked(rows)


def test_what_was_told_of_an_account_is_locked_while_it_is_compared(ada, monkeypatch):
    """Two that compare at once would both tell of the same change."""
    told = ToldState.objects.filter(pk=ada.pk)
    noted = checked_during(monkeypatch, security, "_mail_differences", told)
    ada.set_password("another one")
    ada.save()
    security.tell_changes(ada)
    assert noted == [True]
    assert told.get().changes == 1


def test_a_plan_is_locked_from_the_moment_it_is_asked_for(ada, new_follower):
    plan = make_plan(ada)
    with transaction.atomic():
        assert MailPlan.locked(ada, new_follower) == plan
        assert is_locked(MailPlan.objects.filter(pk=plan.pk))


@pytest.mark.parametrize(
    "make", [plans.move_on, lambda pk: plans.collect.func(pk), lambda pk: tasks.make_digests.func()]
)
def test_a_plan_that_is_due_is_locked_while_its_mail_is_made(ada, new_follower, monkeypatch, make):
    """Two workers that take it up at once would both make a mail."""
    plan = make_plan(ada)
    noted = checked_during(monkeypatch, NewFollower, "collect", MailPlan.objects.filter(pk=plan.pk))
    make(plan.pk)
    assert noted == [True]


def test_a_plan_is_locked_while_a_choice_about_it_is_stored(ada, new_follower, monkeypatch):
    plan = make_plan(ada)
    noted = checked_during(monkeypatch, plans, "next_digest", MailPlan.objects.filter(pk=plan.pk))
    plans.choose(ada, new_follower, "daily")
    assert noted == [True]


def test_nobody_makes_the_mail_while_a_new_follower_is_noted(ada, new_follower, monkeypatch):
    """Who is put into the mail just now would be noted for the next one, too."""
    plan, follow = make_plan(ada), FollowFactory(followed=ada)
    noted = checked_during(monkeypatch, NewFollower, "_is_told", MailPlan.objects.filter(pk=plan.pk))
    with transaction.atomic():
        new_follower.note(follow)
    assert noted == [True]


def test_a_job_that_a_worker_is_about_to_take_is_passed_over_by_others(ada, monkeypatch):
    tasks.sweep_accounts.enqueue()
    job, claim, others = Job.objects.get(), Job.claim, []

    def ask_another_worker(self, worker_id):
        monkeypatch.setattr(Job, "claim", claim)
        others.append(elsewhere(lambda: Worker().take()))
        return claim(self, worker_id)

    monkeypatch.setattr(Job, "claim", ask_another_worker)
    assert Worker().take() == job
    assert others == [None]
