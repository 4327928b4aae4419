import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts import signals
from accounts.models import Follow, FollowNotice, User
from accounts.tests.factories import FollowFactory, UserFactory
from accounts.tests.mailing import choose


@pytest.fixture
def events():
    """The names of the events about follows, as they are published."""
    seen = []

    def followed(follow, **kwargs):
        seen.append(f"{follow.follower} followed {follow.followed}")

    def unfollowed(follower, followed, **kwargs):
        seen.append(f"{follower} unfollowed {followed}")

    signals.user_followed.connect(followed)
    signals.user_unfollowed.connect(unfollowed)
    yield seen
    signals.user_followed.disconnect(followed)
    signals.user_unfollowed.disconnect(unfollowed)


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


def test_following_and_unfollowing_publish_what_happened_once(member, bob, events):
    assert member.follow(bob) is True
    assert member.follow(bob) is False
    assert member.is_following(bob)
    assert list(bob.followers.all()) == [member]
    assert list(member.follows.all()) == [bob]
    assert not bob.is_following(member)

    assert member.unfollow(bob) is True
    assert member.unfollow(bob) is False
    assert not member.is_following(bob)
    assert events == ["@ada followed @bob", "@ada unfollowed @bob"]


def test_nobody_follows_themselves_or_a_suspended_person(member, bob, events):
    bob.suspend()

    assert member.follow(member) is False
    assert member.follow(bob) is False
    assert not Follow.objects.exists()
    assert events == []


def test_the_database_refuses_what_the_method_would(member, bob):
    with pytest.raises(IntegrityError), transaction.atomic():
        Follow.objects.create(follower=member, followed=member)
    Follow.objects.create(follower=member, followed=bob)
    with pytest.raises(IntegrityError), transaction.atomic():
        Follow.objects.create(follower=member, followed=bob)


def test_what_a_receiver_raises_undoes_the_follow(member, bob):
    def fail(**kwargs):
        raise RuntimeError("no")

    signals.user_followed.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            member.follow(bob)
    finally:
        signals.user_followed.disconnect(fail)

    assert not member.is_following(bob)


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_are_one_follow_and_one_event(events):
    ada, bob = UserFactory(username="ada"), UserFactory(username="bob")
    start = threading.Barrier(2, timeout=10)
    changes = []

    def run():
        start.wait()
        try:
            changes.append(User.objects.get(pk=ada.pk).follow(bob))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join(timeout=30) for thread in threads]

    assert sorted(changes) == [False, True]
    assert events == ["@ada followed @bob"]


def test_the_buttons_lead_back_to_where_they_were(member, member_client, bob):
    response = member_client.post("/@bob/follow/", {"next": "/users/?q=bob"})
    assert response.url == "/users/?q=bob"
    assert member.is_following(bob)

    response = member_client.post("/@BOB/unfollow/", {"next": "https://evil.example/"})
    assert response.url == "/@bob/"
    assert not member.is_following(bob)


def test_htmx_gets_the_other_button_alone(member_client, bob):
    headers = {"HX-Request": "true"}
    followed = member_client.post("/@bob/follow/", {"next": "/users/"}, headers=headers).content.decode()
    unfollowed = member_client.post("/@bob/unfollow/", {"next": "/users/"}, headers=headers).content.decode()

    assert "Unfollow</button>" in followed
    assert ">Follow</button>" in unfollowed
    assert 'value="/users/"' in followed
    assert "<html" not in followed


@pytest.mark.parametrize("path", ["/@bob/follow/", "/@bob/unfollow/"])
def test_only_a_post_changes_anything(member, member_client, bob, path):
    FollowFactory(follower=member, followed=bob) if "unfollow" in path else None

    assert member_client.get(path).status_code == 405
    assert member.is_following(bob) == ("unfollow" in path)


def test_a_visitor_is_asked_to_log_in_and_led_to_the_profile(client, bob):
    assert client.post("/@bob/follow/").url == "/users/login/?next=/%40bob/"
    assert not Follow.objects.exists()


def test_what_cannot_be_followed_is_refused_without_an_event(member, member_client, bob, events):
    bob.suspend()

    assert member_client.post("/@bob/follow/").status_code == 404
    assert member_client.post("/@nobody/follow/").status_code == 404
    response = member_client.post("/@ada/follow/", follow=True)
    assert "You can&#x27;t follow yourself." in response.content.decode()
    assert member_client.post("/@someone_else/unfollow/").status_code == 404
    assert events == []


def test_a_forged_form_is_refused(member, bob):
    client = Client(enforce_csrf_checks=True)
    client.force_login(member)

    response = client.post("/@bob/follow/")

    assert response.status_code == 403
    assert "This page was open too long" in response.content.decode()
    assert not member.is_following(bob)


def test_nobody_will_be_told_of_a_follow_that_is_over(member, bob, run_jobs):
    choose(member, "daily")
    bob.follow(member)
    run_jobs()
    assert FollowNotice.objects.get().follower == bob

    bob.unfollow(member)
    assert not FollowNotice.objects.exists()
