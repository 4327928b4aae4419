"""`reconcile` compares accounts that were marked before they changed, and some of all others in each run."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.common.models import ScanPosition
from accounts.models import User
from accounts.security import snapshots
from accounts.security.models import AccountSnapshot
from accounts.tests.factories import PASSWORD, UserFactory


@pytest.fixture
def only_marked(monkeypatch):
    """Compare only marked accounts."""
    monkeypatch.setattr(ScanPosition, "next_keys", lambda name, queryset, count: [])


@pytest.fixture
def new_subjects(run_jobs, mailoutbox):
    """Returns a function that compares accounts, sends emails, and returns the subjects of those sent since its last call."""

    def new_subjects():
        snapshots.reconcile()
        run_jobs()
        subjects = [mail.subject for mail in mailoutbox]
        mailoutbox.clear()
        return subjects

    return new_subjects


def change_password(member):
    member.set_password("a longer new password")
    member.save()


def change_email(member):
    member.email = "new@example.org"
    member.save(update_fields=["email"])


@pytest.mark.usefixtures("only_marked")
@pytest.mark.parametrize(
    ("change", "subject"),
    [
        (change_password, "Your password was changed"),
        (change_email, "Your email was changed"),
        (lambda member: TOTP.activate(member, "JBSWY3DPEHPK3PXP"), "Your login security settings changed"),
    ],
)
def test_a_change_without_a_notification_is_found_after_a_minute(
    member, new_subjects, clock, change, subject
):
    change(member)
    assert new_subjects() == []  # The request that made the change may be about to notify.
    clock.shift(timedelta(seconds=61))
    assert new_subjects() == [subject]
    clock.shift(timedelta(seconds=61))
    assert new_subjects() == []
    assert not AccountSnapshot.objects.exclude(marked_on=None).exists()


@pytest.mark.usefixtures("only_marked")
def test_removing_an_authenticator_marks_the_account(member, new_subjects, clock):
    TOTP.activate(member, "JBSWY3DPEHPK3PXP")
    clock.shift(timedelta(seconds=61))
    new_subjects()
    Authenticator.objects.filter(user=member).delete()
    clock.shift(timedelta(seconds=61))

    assert new_subjects() == ["Your login security settings changed"]


@pytest.mark.usefixtures("only_marked")
def test_the_account_is_marked_before_an_authenticator_is_stored(member, monkeypatch):
    """The process may die at any point in between."""

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Authenticator, "_save_table", die)
    with pytest.raises(KeyboardInterrupt):
        TOTP.activate(member, "JBSWY3DPEHPK3PXP")
    assert AccountSnapshot.objects.get(pk=member.pk).marked_on is not None


@pytest.mark.usefixtures("only_marked")
def test_the_account_is_marked_in_the_transaction_of_the_change(member):
    with transaction.atomic():
        change_password(member)
        assert AccountSnapshot.objects.get(pk=member.pk).marked_on is not None
        transaction.set_rollback(True)
    assert AccountSnapshot.objects.get(pk=member.pk).marked_on is None


def test_replacing_a_hash_does_not_hide_a_change_that_nobody_was_notified_of(member, new_subjects, settings):
    User.objects.filter(pk=member.pk).update(password=make_password("another"))
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    assert User.objects.get(pk=member.pk).check_password("another")
    assert new_subjects() == ["Your password was changed"]


def test_replacing_a_hash_does_not_undo_a_new_password(member):
    stale = User.objects.get(pk=member.pk)
    change_password(member)
    stale._replace_hash(PASSWORD)
    member.refresh_from_db()
    assert not member.check_password(PASSWORD)


def test_the_snapshot_costs_a_new_email_two_queries(member, django_assert_num_queries):
    with django_assert_num_queries(
        4 + 2
    ):  # A savepoint, the lock and the change; the values before, and the mark.
        change_email(member)


@pytest.mark.usefixtures("only_marked")
def test_saving_without_a_change_marks_nothing(member):
    member.save()
    member.save(update_fields=["display_name"])
    assert AccountSnapshot.objects.get(pk=member.pk).marked_on is None


@pytest.mark.usefixtures("only_marked")
def test_the_first_change_of_a_user_created_in_bulk_is_found(db, new_subjects, clock):
    (bulk,) = User.objects.bulk_create([User(username="bulk", email="bulk@example.org")])
    change_password(User.objects.get(pk=bulk.pk))
    clock.shift(timedelta(seconds=61))

    assert new_subjects() == ["Your password was changed"]


def test_changes_without_a_mark_are_found_in_turn(db, new_subjects, monkeypatch):
    monkeypatch.setattr(snapshots, "RECONCILE_BATCH", 4)
    people = UserFactory.create_batch(10)
    User.objects.filter(pk__in=[people[2].pk, people[9].pk]).update(password=make_password("another"))
    Authenticator.objects.bulk_create([Authenticator(user=people[5], type="totp", data={})])

    assert sorted(sum((new_subjects() for _run in range(3)), [])) == [
        "Your login security settings changed",
        "Your password was changed",
        "Your password was changed",
    ]
    assert sum((new_subjects() for _run in range(3)), []) == []


def test_a_run_compares_as_many_accounts_on_a_larger_site(db, monkeypatch):
    monkeypatch.setattr(snapshots, "RECONCILE_BATCH", 5)
    UserFactory.create_batch(30)
    Authenticator.objects.bulk_create(
        [Authenticator(user=user, type="totp", data={}) for user in User.objects.all()]
    )
    AccountSnapshot.objects.update(marked_on=None)
    compared = []
    outdated = AccountSnapshot.outdated
    monkeypatch.setattr(
        AccountSnapshot, "outdated", lambda keys: compared.append(list(keys)) or outdated(keys)
    )
    snapshots.reconcile()

    assert [len(keys) for keys in compared] == [0, 5]


@pytest.mark.django_db
def test_many_missing_snapshots_take_as_many_queries_as_one(django_assert_num_queries):
    people = [UserFactory() for _ in range(5)]
    AccountSnapshot.objects.all().delete()
    with django_assert_num_queries(6) as first:
        AccountSnapshot.create_missing([people[0].pk])
    with django_assert_num_queries(len(first)):
        AccountSnapshot.create_missing([person.pk for person in people[1:]])

    assert AccountSnapshot.objects.count() == 5
