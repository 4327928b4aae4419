import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts import signals
from accounts.models import Follow, User
from accounts.notifications.models import Notification
from accounts.tests.email_helpers import choose
from accounts.tests.factories import FollowFactory, UserFactory


@pytest.fixture
def events():
    """Collect the names of the events about follows, in order."""
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


def test_following_and_unfollowing_send_each_event_once(member, bob, events):
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


def test_nobody_can_follow_themselves_or_a_suspended_person(member, bob, events):
    bob.suspend()

    assert member.follow(member) is False
    assert member.follow(bob) is False
    assert not Follow.objects.exists()
    assert events == []


def test_the_database_refuses_duplicates_and_self_follows(member, bob):
    with pytest.raises(IntegrityError), transaction.atomic():
        Follow.objects.create(follower=member, followed=member)
    Follow.objects.create(follower=member, followed=bob)
    with pytest.raises(IntegrityError), transaction.atomic():
        Follow.objects.create(follower=member, followed=bob)


def test_an_error_in_a_receiver_rolls_back_the_follow(member, bob):
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


def test_the_buttons_redirect_to_the_page_they_were_on(member, member_client, bob):
    response = member_client.post("/@bob/follow/", {"next": "/users/?q=bob"})
    assert response.url == "/users/?q=bob"
    assert member.is_following(bob)

    response = member_client.post("/@BOB/unfollow/", {"next": "https://evil.example/"})
    assert response.url == "/@bob/"
    assert not member.is_following(bob)


def test_htmx_gets_only_the_new_button(member_client, bob):
    headers = {"HX-Request": "true"}
    followed = member_client.post("/@bob/follow/", {"next": "/users/"}, headers=headers).content.decode()
    unfollowed = member_client.post("/@bob/unfollow/", {"next": "/users/"}, headers=headers).content.decode()

    assert "Following</button>" in followed
    assert ">Follow</button>" in unfollowed
    assert 'value="/users/"' in followed
    assert "<html" not in followed


@pytest.mark.parametrize("path", ["/@bob/follow/", "/@bob/unfollow/"])
def test_only_a_post_request_changes_anything(member, member_client, bob, path):
    FollowFactory(follower=member, followed=bob) if "unfollow" in path else None

    assert member_client.get(path).status_code == 405
    assert member.is_following(bob) == ("unfollow" in path)


def test_a_visitor_is_asked_to_log_in_and_then_gets_the_profile(client, bob):
    assert client.post("/@bob/follow/").url == "/users/login/?next=/%40bob/"
    assert not Follow.objects.exists()


def test_an_impossible_follow_is_refused_without_an_event(member, member_client, bob, events):
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
    assert "This page was open for too long" in response.content.decode()
    assert not member.is_following(bob)


def test_an_unfollow_deletes_a_notification_that_waits_for_an_email(member, bob):
    choose(member, "daily")
    bob.follow(member)
    assert Notification.objects.get().actor == bob

    bob.unfollow(member)
    assert not Notification.objects.exists()
