import pytest
from django.db import IntegrityError, transaction

from accounts import signals
from accounts.models import Block, Follow
from accounts.tests.factories import FollowFactory, UserFactory


@pytest.fixture
def bob(db):
    return UserFactory(username="bob", display_name="Bob")


@pytest.fixture
def events():
    seen = []

    def remember(signal, **kwargs):
        seen.append(signal)

    watched = (signals.user_blocked, signals.user_unblocked, signals.user_followed, signals.user_unfollowed)
    for signal in watched:
        signal.connect(remember)
    yield seen
    for signal in watched:
        signal.disconnect(remember)


def names(response):
    return [person.username for person in response.context["page"]]


def test_a_block_ends_both_follows_and_sends_its_event_once(member, bob, events):
    FollowFactory(follower=member, followed=bob)
    FollowFactory(follower=bob, followed=member)

    assert member.block(bob) is True
    assert member.block(bob) is False
    assert not Follow.objects.exists()
    assert events == [signals.user_unfollowed, signals.user_unfollowed, signals.user_blocked]

    assert member.unblock(bob) is True
    assert member.unblock(bob) is False
    assert not Follow.objects.exists()
    assert events[3:] == [signals.user_unblocked]


def test_neither_can_follow_the_other(member, bob, events):
    member.block(bob)

    assert member.follow(bob) is False
    assert bob.follow(member) is False
    assert signals.user_followed not in events
    member.unblock(bob)
    assert bob.follow(member) is True


def test_a_follow_that_races_with_a_block_does_not_appear_after_unblocking(member, bob):
    member.block(bob)
    Follow.objects.create(follower=bob, followed=member)

    member.unblock(bob)
    assert not bob.is_following(member)


def test_people_cannot_block_themselves(member):
    assert member.block(member) is False
    with pytest.raises(IntegrityError), transaction.atomic():
        Block.objects.create(blocker=member, blocked=member)


@pytest.mark.parametrize("blocker", ["member", "bob"])
def test_neither_sees_the_other_in_any_list_of_people(member, member_client, bob, blocker):
    carol = UserFactory(username="carol")
    for follower, followed in ((bob, carol), (carol, bob)):
        FollowFactory(follower=follower, followed=followed)
    paths = ["/users/", "/users/?q=bob", "/@carol/followers/", "/@carol/following/"]
    assert all("bob" in names(member_client.get(path)) for path in paths)

    member.block(bob) if blocker == "member" else bob.block(member)

    assert not any("bob" in names(member_client.get(path)) for path in paths)
    assert member_client.get("/@bob/followers/").status_code == 404
    assert member_client.post("/@bob/follow/").status_code == 404


def test_buttons_block_and_unblock(member, member_client, bob):
    response = member_client.post("/@bob/block/", follow=True)
    text = response.content.decode()
    assert "ve blocked @bob." in text
    assert "Unblock</button>" in text
    assert names(member_client.get("/users/blocks/")) == ["bob"]

    response = member_client.post("/@bob/unblock/", {"next": "/users/blocks/"}, follow=True)
    assert "ve unblocked @bob." in response.content.decode()
    assert names(response) == []


def test_a_follower_can_be_removed_without_a_block(member, member_client, bob):
    FollowFactory(follower=bob, followed=member)
    assert "Remove</button>" in member_client.get("/@ada/followers/").content.decode()

    assert (
        member_client.post("/@bob/remove-follower/", {"next": "/@ada/followers/"}).url == "/@ada/followers/"
    )
    assert not bob.is_following(member)
    assert bob.follow(member) is True
    assert "Remove</button>" not in member_client.get("/@bob/following/").content.decode()


def test_a_page_says_what_blocking_does_before_it_does_it(client, member_client, bob):
    assert 'href="/@bob/block/"' in member_client.get("/@bob/").content.decode()
    page = member_client.get("/@bob/block/").content.decode()
    assert "see each other&#x27;s posts" in page or "see each other's posts" in page
    assert "Block @bob</button>" in page
    assert '<a href="/@bob/">Cancel</a>' in page
    assert not Block.objects.exists()

    assert member_client.get("/@ada/block/").url == "/@ada/"
    assert client.get("/@bob/block/").url == "/users/login/?next=/%40bob/block/"


@pytest.mark.parametrize("action", ["block", "unblock", "remove-follower"])
def test_only_a_members_post_request_changes_anything(client, member_client, bob, action):
    assert member_client.get(f"/@bob/{action}/").status_code == (200 if action == "block" else 405)
    assert client.post(f"/@bob/{action}/").url == "/users/login/?next=/%40bob/"
    assert not Block.objects.exists()
