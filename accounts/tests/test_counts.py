"""Stored counts are updated by every follow, corrected from the rows, and no rule depends on them."""

import threading

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import tasks
from accounts.common.models import ScanPosition
from accounts.models import Follow, NameWord, User
from accounts.tests.factories import FollowFactory, UserFactory


def counts(*people):
    """Return (followers, following) of each person."""
    rows = User.objects.in_bulk([person.pk for person in people])
    return [(rows[person.pk].follower_count, rows[person.pk].following_count) for person in people]


def assert_right():
    assert list(User.objects.miscounted()) == []


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


def test_a_follow_and_its_end_are_counted_once(member, bob):
    assert [member.follow(bob), member.follow(bob)] == [True, False]
    assert counts(member, bob) == [(0, 1), (1, 0)]

    assert [member.unfollow(bob), member.unfollow(bob)] == [True, False]
    assert counts(member, bob) == [(0, 0), (0, 0)]


def test_a_block_updates_the_counts_of_both(member, bob):
    member.follow(bob)
    bob.follow(member)
    member.block(bob)

    assert counts(member, bob) == [(0, 0), (0, 0)]


def test_saving_a_person_who_was_loaded_earlier_keeps_the_counts(member, bob):
    stale = User.objects.get(pk=bob.pk)
    member.follow(bob)
    stale.bio = "About me"
    stale.save()

    assert counts(bob) == [(1, 0)]


def test_a_wrong_count_never_makes_an_action_fail_and_is_never_negative(member, bob):
    member.follow(bob)
    User.objects.update(follower_count=0, following_count=0)

    assert member.unfollow(bob)
    assert counts(member, bob) == [(0, 0), (0, 0)]


@pytest.mark.parametrize("change", ["suspend", "leave"])
def test_people_who_are_suspended_or_leave_are_not_counted(member, bob, run_jobs, change):
    cleo = UserFactory(username="cleo")
    for person in (member, cleo):
        person.follow(bob)
    bob.follow(member)
    getattr(member, change)()
    run_jobs()

    assert counts(bob, cleo) == [(1, 0), (0, 1)]
    assert_right()


def test_people_who_are_reinstated_are_counted_again(member, bob, run_jobs):
    member.follow(bob)
    member.suspend()
    run_jobs()
    member.reinstate()
    run_jobs()

    assert counts(member, bob) == [(0, 1), (1, 0)]


def test_the_writes_of_a_suspension_do_not_grow_with_the_followers(member):
    def writes():
        with CaptureQueriesContext(connection) as queries:
            member.suspend()
        member.reinstate()
        return len(queries)

    few = writes()
    FollowFactory.create_batch(30, followed=member)
    assert writes() == few


def test_wrong_counts_and_words_are_corrected_whatever_caused_them(db, monkeypatch):
    monkeypatch.setattr(tasks, "RECOUNTED", 4)
    people = UserFactory.create_batch(10)
    FollowFactory.create_batch(3, followed=people[9])
    User.objects.update(follower_count=77, following_count=-5)
    Follow.objects.create(follower=people[0], followed=people[1])
    NameWord.objects.all().delete()
    User.objects.filter(pk=people[5].pk).update(display_name="Éric")

    for _run in range(4):  # Each run takes 4 people, so this is enough for 13.
        tasks.recount_some.func()
    assert_right()
    assert counts(people[9], people[1]) == [(3, 0), (1, 0)]
    assert list(User.objects.named(["éric".encode()])) == [people[5]]

    User.objects.filter(pk=people[0].pk).update(follower_count=1)
    for _run in range(4):
        tasks.recount_some.func()
    assert_right()


def test_a_run_checks_no_more_people_on_a_larger_site(db, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(tasks, "RECOUNTED", 5)
    UserFactory.create_batch(6)
    tasks.recount_some.func()
    with CaptureQueriesContext(connection) as queries:
        tasks.recount_some.func()
    UserFactory.create_batch(20)
    with django_assert_max_num_queries(len(queries)):
        tasks.recount_some.func()


def test_the_scan_covers_all_rows_and_starts_again(db):
    keys = [user.pk for user in UserFactory.create_batch(7)]
    User.objects.filter(pk=keys.pop(3)).delete()
    met = [ScanPosition.next_keys("test", User.objects, 4) for _run in range(4)]

    assert met[0] == keys[:4]
    assert sorted(key for run in met[:3] for key in run) == sorted(keys * 2)
    assert ScanPosition.next_keys("test", User.objects, 100) != []
    User.objects.all().delete()
    assert ScanPosition.next_keys("test", User.objects, 4) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("other", ["unfollow", "block", "suspend"])
def test_concurrent_changes_leave_correct_counts(other, run_jobs):
    """Several threads follow, unfollow and block. In the end, counts match the rows, and no follow crosses a block."""
    ada, bob = UserFactory(username="ada"), UserFactory(username="bob")
    errors = []

    def act(number):
        one, two = (User.objects.get(pk=pk) for pk in ((ada.pk, bob.pk) if number % 2 else (bob.pk, ada.pk)))
        try:
            for _time in range(4):
                one.follow(two)
                if number > 1 and other == "suspend":
                    two.suspend()
                    two.reinstate()
                elif number > 1:
                    getattr(one, other)(two)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=[number]) for number in range(4)]
    [thread.start() for thread in threads]
    [thread.join(timeout=60) for thread in threads]
    run_jobs()

    assert errors == []
    assert_right()
    if other == "block":
        assert not Follow.objects.exists()


def test_migrated_members_are_counted_and_found(db):
    """The migration runs on a site that has people and follows."""
    from importlib import import_module
    from types import SimpleNamespace

    from django.apps import apps

    migration = import_module("accounts.migrations.0011_follower_counts")
    people = UserFactory.create_batch(3, display_name="Ænne Öz")
    suspended = FollowFactory(followed=people[0]).follower
    FollowFactory(followed=people[0])
    User.objects.filter(pk=suspended.pk).update(suspended_on="2026-01-01T00:00Z", is_active=False)
    NameWord.objects.all().delete()

    editor = SimpleNamespace(connection=connection)
    migration.count_follows(apps, editor)
    migration.store_name_words(apps, editor)

    assert counts(people[0]) == [(1, 0)]
    assert_right()
    assert get_user_model().objects.named(["öz".encode()]).count() == 3
