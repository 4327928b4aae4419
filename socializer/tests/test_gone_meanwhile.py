"""A member leaves, or is suspended, in another browser while a request of theirs is on its way."""

import pytest

from accounts import middleware
from accounts.database_errors import AccountGone
from accounts.models import User
from accounts.tests.factories import PASSWORD, FollowFactory, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory

POSTS = {
    "/posts/add/": {"content": "My words"},
    "/posts/{own}/edit/": {"content": "My words"},
    "/posts/{own}/delete/": {},
    "/posts/{other}/report/": {"reason": "spam"},
    "/@bob/follow/": {},
    "/@bob/unfollow/": {},
    "/@bob/remove-follower/": {},
    "/@bob/block/": {},
    "/@bob/unblock/": {},
    "/users/settings/": {"display_name": "New", "bio": "", "new_follower": "daily"},
    "/users/email/": {"action_add": "", "email": "new@example.org"},
    "/users/password/change/": {
        "oldpassword": PASSWORD,
        "password1": "another battery",
        "password2": "another battery",
    },
    "/users/leave/": {"password": PASSWORD, "sure": "on"},
    "/users/feeds/": {"do": "renew"},
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
    "/users/leave/",
    "/users/export/",
    "/users/feeds/",
    "/users/blocks/",
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
    """The member is gone once the first request has found out whose it is."""
    going = [getattr(User.objects.get(pk=member.pk), request.param)]

    def go_first(request):
        going.pop()()
        monkeypatch.undo()
        return middleware.state_of(request)

    # Before any transaction of the view, which would take it back.
    monkeypatch.setattr(middleware, "state_of", go_first)


@pytest.mark.parametrize("path", POSTS)
def test_what_they_send_is_answered_as_a_visitors(member_client, gone, paths, path):
    response = member_client.post(path.format(**paths), POSTS[path])

    assert response.status_code in (302, 403, 404)
    if "content" in POSTS[path]:
        # They were logged out in the middle of writing.
        assert "My words" in response.content.decode()
    assert not Post.objects.filter(content="My words").exists()
    assert not User.objects.filter(display_name="New").exists()
    assert "/users/login/" in member_client.get("/users/settings/").url


@pytest.mark.parametrize("path", GETS)
def test_what_they_look_at_is_no_error(member_client, gone, paths, path):
    assert member_client.get(path.format(**paths)).status_code in (200, 302, 404)


def test_somebody_who_left_is_not_stored_anew(member):
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
