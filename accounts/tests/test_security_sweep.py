"""The sweep looks at what was marked before it changed, and at everybody by and by; never at everybody at once."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.hashers import make_password

from accounts import security
from accounts.models import ScanPosition, ToldState, User
from accounts.tests.factories import UserFactory


@pytest.fixture
def without_the_round(monkeypatch):
    """Only marked accounts are looked at."""
    monkeypatch.setattr(ScanPosition, "next_keys", lambda name, queryset, count: [])


@pytest.fixture
def told(run_jobs, mailoutbox):
    def told():
        security.sweep()
        run_jobs()
        subjects = [mail.subject for mail in mailoutbox]
        mailoutbox.clear()
        return subjects

    return told


def change_password(member):
    member.set_password("a longer new password")
    member.save()


def change_email(member):
    member.email = "new@example.org"
    member.save(update_fields=["email"])


@pytest.mark.usefixtures("without_the_round")
@pytest.mark.parametrize(
    ("change", "subject"),
    [
        (change_password, "Your password was changed"),
        (change_email, "Your email was changed"),
        (lambda member: TOTP.activate(member, "JBSWY3DPEHPK3PXP"), "Your second factor was changed"),
    ],
)
def test_a_change_of_which_nobody_told_is_told_after_a_minute(member, told, clock, change, subject):
    change(member)
    assert told() == []  # Whoever changed it may be about to tell.
    clock.shift(timedelta(seconds=61))
    assert told() == [subject]
    clock.shift(timedelta(seconds=61))
    assert told() == []
    assert not ToldState.objects.exclude(due_on=None).exists()


@pytest.mark.usefixtures("without_the_round")
def test_a_second_factor_that_is_removed_marks_the_account(member, told, clock):
    TOTP.activate(member, "JBSWY3DPEHPK3PXP")
    clock.shift(timedelta(seconds=61))
    told()
    Authenticator.objects.filter(user=member).delete()
    clock.shift(timedelta(seconds=61))

    assert told() == ["Your second factor was changed"]


@pytest.mark.usefixtures("without_the_round")
def test_the_mark_is_there_before_the_second_factor(member, monkeypatch):
    """So a process may die at any moment in between."""

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Authenticator, "_save_table", die)
    with pytest.raises(KeyboardInterrupt):
        TOTP.activate(member, "JBSWY3DPEHPK3PXP")
    assert ToldState.objects.get(pk=member.pk).due_on is not None


@pytest.mark.usefixtures("without_the_round")
def test_saving_what_did_not_change_marks_nothing(member):
    member.save()
    member.save(update_fields=["display_name"])
    assert ToldState.objects.get(pk=member.pk).due_on is None


@pytest.mark.usefixtures("without_the_round")
def test_the_first_change_of_somebody_made_in_bulk_is_told(db, told, clock):
    (bulk,) = User.objects.bulk_create([User(username="bulk", email="bulk@example.org")])
    change_password(User.objects.get(pk=bulk.pk))
    clock.shift(timedelta(seconds=61))

    assert told() == ["Your password was changed"]


def test_changes_that_mark_nothing_are_found_in_a_round(db, told, monkeypatch):
    monkeypatch.setattr(security, "SWEPT", 4)
    people = UserFactory.create_batch(10)
    User.objects.filter(pk__in=[people[2].pk, people[9].pk]).update(password=make_password("another"))
    Authenticator.objects.bulk_create([Authenticator(user=people[5], type="totp", data={})])

    assert sorted(sum((told() for _run in range(3)), [])) == [
        "Your password was changed",
        "Your password was changed",
        "Your second factor was changed",
    ]
    assert sum((told() for _run in range(3)), []) == []


def test_a_run_reads_no_more_rows_on_a_larger_site(db, monkeypatch):
    monkeypatch.setattr(security, "SWEPT", 5)
    UserFactory.create_batch(30)
    Authenticator.objects.bulk_create(
        [Authenticator(user=user, type="totp", data={}) for user in User.objects.all()]
    )
    ToldState.objects.update(due_on=None)
    looked_at = []
    different = ToldState.different
    monkeypatch.setattr(ToldState, "different", lambda keys: looked_at.append(list(keys)) or different(keys))
    security.sweep()

    assert [len(keys) for keys in looked_at] == [0, 5]


@pytest.mark.django_db
def test_accounts_made_in_bulk_are_remembered_with_as_many_queries_as_one(django_assert_num_queries):
    people = [UserFactory() for _ in range(5)]
    ToldState.objects.all().delete()
    with django_assert_num_queries(6) as first:
        ToldState.remember_missing([people[0].pk])
    with django_assert_num_queries(len(first)):
        ToldState.remember_missing([person.pk for person in people[1:]])

    assert ToldState.objects.count() == 5
