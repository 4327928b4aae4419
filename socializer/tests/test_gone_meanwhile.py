"""A member deletes the account, or is suspended, while one of their requests is running."""

import pytest

from accounts import middleware
from accounts.common.database_errors import AccountGone
from accounts.models import User
from accounts.tests.factories import PASSWORD, FollowFactory, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory

POSTS = {
    "/": {"content": "My words"},
    "/posts/add/": {"content": "My words"},
    "/posts/{own}/edit/": {"content": "My words"},
    "/posts/{own}/delete/": {},
    "/posts/{other}/report/": {"reason": "spam"},
    "/@bob/follow/": {},
    "/@bob/unfollow/": {},
    "/@bob/remove-follower/": {},
    "/@bob/block/": {},
    "/@bob/unblock/": {},
    "/users/settings/profile/": {"display_name": "New", "bio": ""},
    "/users/settings/emails/": {"new_follower": "daily"},
    "/users/settings/locale/": {"time_zone": "Asia/Tokyo"},
    "/users/email/": {"action_add": "", "email": "new@example.org"},
    "/users/password/change/": {
        "oldpassword": PASSWORD,
        "password1": "another battery",
        "password2": "another battery",
    },
    "/users/leave/": {"password": PASSWORD, "sure": "on"},
    "/users/feeds/": {"do": "renew"},
    "/users/filters/": {"phrase": "spoilers", "places": ["home"], "duration": "week"},
    "/users/logout/": {},
}
GETS = [
    "/",
    "/unread/?after=0",
    "/explore/",
    "/@ada/",
    "/@bob/",
    "/users/",
    "/users/settings/",
    "/users/settings/profile/",
    "/users/settings/emails/",
    "/users/leave/",
    "/users/export/",
    "/users/feeds/",
    "/users/blocks/",
    "/users/mutes/",
    "/users/filters/",
    "/posts/{own}/",
    "/posts/{own}/edit/",
]


@pytest.fixture
def paths(member):
    bob = UserFactory(username="bob")
    FollowFactory(follower=member, followed=bob)
    own = Post(author=member, content="Mine")
    own.publish()
    return {"own": own.pk, "other": PostFactory(author=bob).pk}


@pytest.fixture(params=["leave", "suspend"])
def gone(request, monkeypatch, member, paths):
    """Remove the member as soon as the first request has loaded them."""
    going = [getattr(User.objects.get(pk=member.pk), request.param)]

    def go_first(request):
        going.pop()()
        monkeypatch.undo()
        return middleware.state_of(request)

    # Before the view starts a transaction, which would undo it.
    monkeypatch.setattr(middleware, "state_of", go_first)


@pytest.mark.parametrize("path", POSTS)
def test_their_form_is_answered_as_a_visitors(member_client, gone, paths, path):
    response = member_client.post(path.format(**paths), POSTS[path])

    assert response.status_code in (302, 403, 404)
    if "content" in POSTS[path]:
        # They were logged out while writing.
        assert "My words" in response.content.decode()
    assert not Post.objects.filter(content="My words").exists()
    assert not User.objects.filter(display_name="New").exists()
    assert "/users/login/" in member_client.get("/users/settings/").url


@pytest.mark.parametrize("path", GETS)
def test_the_page_they_open_is_not_an_error(member_client, gone, paths, path):
    assert member_client.get(path.format(**paths)).status_code in (200, 302, 404)


def test_a_deleted_account_is_not_stored_again(member):
    stale = User.objects.get(pk=member.pk)
    member.leave()

    for options in ({}, {"update_fields": ["bio"]}):
        with pytest.raises(AccountGone):
            stale.save(**options)
    assert not User.objects.exists()
    assert [stale.suspend(), stale.reinstate(), stale.leave()] == [False, False, False]
    assert stale.follow(UserFactory()) is False
    assert stale.block(UserFactory()) is False
    assert UserFactory().block(stale) is False
