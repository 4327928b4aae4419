"""Who may do what: every address, for everyone who could come by."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from accounts.tests.factories import UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory

WHO = ("visitor", "member", "author", "blocked", "moderator", "administrator")
# What GET answers to each of WHO. "in" leads to log-in. The page belongs to `author`, who has blocked `blocked`.
PAGES = {
    "/": (200, 200, 200, 200, 200, 200),
    "/explore/": (200, 200, 200, 200, 200, 200),
    "/about/": (200, 200, 200, 200, 200, 200),
    "/@author/": (200, 200, 200, 404, 200, 200),
    "/@author/feed.atom": (200, 200, 200, 200, 200, 200),
    "/@author/followers/": ("in", 200, 200, 404, 200, 200),
    "/@author/following/": ("in", 200, 200, 404, 200, 200),
    "/users/": ("in", 200, 200, 200, 200, 200),
    "/users/settings/": ("in", 200, 200, 200, 200, 200),
    "/users/blocks/": ("in", 200, 200, 200, 200, 200),
    "/users/leave/": ("in", 200, 200, 200, 200, 200),
    "/users/export/": ("in", 200, 200, 200, 200, 200),
    "/users/email/": ("in", 200, 200, 200, 200, 200),
    "/users/sessions/": ("in", 200, 200, 200, 200, 200),
    "/users/2fa/": ("in", 200, 200, 200, 200, 200),
    "/posts/add/": ("in", 200, 200, 200, 200, 200),
    "/posts/1/": (200, 200, 200, 404, 200, 200),
    "/posts/2/": (404, 404, 200, 404, 200, 200),  # Hidden.
    "/posts/1/delete/": ("in", 404, 200, 404, 404, 404),
    "/posts/1/report/": ("in", 200, 404, 404, 200, 200),
    "/@author/follow/": (405, 405, 405, 405, 405, 405),
    "/@author/block/": (405, 405, 405, 405, 405, 405),
    "/admin/": ("in", 403, 403, 403, 200, 200),
    "/admin/posts/post/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/user/": ("in", 403, 403, 403, 403, 200),
    "/admin/accounts/moderationaction/": ("in", 403, 403, 403, 403, 200),
    "/livez/": (200, 200, 200, 200, 200, 200),
    "/healthz/": (200, 200, 200, 200, 200, 200),
}
# What POST without any data answers. 200 is a form with its errors.
POSTS = {
    "/@author/follow/": ("in", 302, 302, 404, 302, 302),
    "/@author/unfollow/": ("in", 302, 302, 404, 302, 302),
    "/@author/block/": ("in", 302, 302, 404, 302, 302),
    "/@author/unblock/": ("in", 302, 302, 302, 302, 302),
    "/@author/remove-follower/": ("in", 302, 302, 404, 302, 302),
    "/posts/add/": ("in", 200, 200, 200, 200, 200),
    "/posts/1/report/": ("in", 200, 404, 404, 200, 200),
    "/posts/1/delete/": ("in", 404, 302, 404, 404, 404),
    "/users/settings/": ("in", 200, 200, 200, 200, 200),
    "/users/leave/": ("in", 200, 200, 200, 200, 200),
}


@pytest.fixture
def clients(db):
    author = UserFactory(username="author")
    people = {
        "member": UserFactory(),
        "author": author,
        "blocked": UserFactory(),
        "moderator": UserFactory(is_staff=True),
        "administrator": UserFactory(is_staff=True, is_superuser=True),
    }
    people["moderator"].user_permissions.set(
        Permission.objects.filter(codename__in=["view_post", "change_post"])
    )
    author.block(people["blocked"])
    PostFactory(id=1, author=author)
    PostFactory(id=2, author=author).hide()
    clients = {"visitor": Client()}
    for name, person in people.items():
        clients[name] = Client()
        clients[name].force_login(person)
    return clients


def seen(response):
    """The status, or "in" where the visitor is led to log-in."""
    led = response.url if response.status_code == 302 else response.request["PATH_INFO"]
    return "in" if led.startswith("/users/login/") else response.status_code


def get(client, path):
    # The admin leads to its own log-in first, which leads on or refuses.
    return seen(client.get(path, follow=path.startswith("/admin/")))


@pytest.mark.parametrize("path", PAGES)
def test_who_sees_what(clients, path):
    assert {who: get(clients[who], path) for who in WHO} == dict(zip(WHO, PAGES[path], strict=True))


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("who", WHO)
def test_who_changes_what(clients, path, who):
    assert seen(clients[who].post(path)) == POSTS[path][WHO.index(who)]
    assert Post.objects.filter(pk=1).exists() == (not (path == "/posts/1/delete/" and who == "author"))


@pytest.mark.parametrize("path", [path for path, answers in PAGES.items() if answers[0] == "in"])
def test_somebody_suspended_is_a_visitor(clients, path):
    for person in User.objects.filter(is_superuser=False):
        person.suspend()

    for who in ("member", "author", "moderator"):
        assert get(clients[who], path) == "in"
