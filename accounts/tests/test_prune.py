from datetime import timedelta
from io import StringIO

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import Delivery, MailKind
from accounts.tests.factories import UserFactory


def prune(**options):
    out = StringIO()
    call_command("prune", stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def old_rows(member, member_client, run_jobs):
    """An old and a young row of everything that is pruned."""
    now = timezone.now()
    Session.objects.create(session_key="old", expire_date=now - timedelta(days=1))
    UserSession.objects.create(user=member, session_key="old", ip="127.0.0.1")
    for name in ("bob", "cleo"):
        UserFactory(username=name).follow(member)
    run_jobs()
    job = DBTaskResult.objects.first()
    DBTaskResult.objects.filter(pk=job.pk).update(finished_at=now - timedelta(days=15))
    delivery = Delivery.objects.get(
        kind=MailKind.NEW_FOLLOWER, key__startswith=f"{member.followers.first().pk} "
    )
    Delivery.objects.filter(pk=delivery.pk).update(created_on=now - timedelta(days=91))


def counts():
    return [model.objects.count() for model in (Session, UserSession, DBTaskResult, Delivery)]


def test_what_is_old_goes_and_what_is_young_stays(old_rows, member_client):
    assert counts() == [2, 2, 2, 2]
    prune()
    assert counts() == [1, 1, 1, 1]
    prune()
    assert counts() == [1, 1, 1, 1]
    assert member_client.get("/users/settings/").status_code == 200


def test_a_dry_run_only_counts(old_rows):
    said = prune(dry_run=True)

    assert "Would delete 1 expired sessions." in said
    assert "Would delete 1 records of mails." in said
    assert counts() == [2, 2, 2, 2]


def test_a_waiting_job_is_never_pruned(member):
    UserFactory().follow(member)
    DBTaskResult.objects.update(enqueued_at=timezone.now() - timedelta(days=400))
    prune()

    assert DBTaskResult.objects.count() == 1
