"""Who may do what: every address, for everyone who could come by."""

from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver, resolve

from accounts.models import Block, Follow, User
from accounts.tests.factories import UserFactory
from posts.models import Post, Report
from posts.tests.factories import PostFactory

WHO = ("visitor", "member", "author", "blocked", "moderator", "administrator")
# What GET answers to each of WHO. "in" leads to log-in. The page belongs to `author`, who has blocked `blocked`.
PAGES = {
    "/": (200, 200, 200, 200, 200, 200),
    "/explore/": (200, 200, 200, 200, 200, 200),
    "/unread/": ("in", 302, 302, 302, 302, 302),  # To home: nothing has been read yet.
    "/unread/?after=1": ("in", 200, 200, 200, 200, 200),
    "/news/": (200, 204, 204, 204, 204, 204),
    "/help/": (200, 200, 200, 200, 200, 200),
    "/about/": (200, 200, 200, 200, 200, 200),
    "/@author/": (200, 200, 200, 404, 200, 200),
    "/@author/feed.atom": (200, 200, 200, 200, 200, 200),
    "/explore/feed.atom": (200, 200, 200, 200, 200, 200),
    "/feeds/key.sign/home.atom": (404, 404, 404, 404, 404, 404),
    "/@author/followers/": ("in", 200, 200, 404, 200, 200),
    "/@author/following/": ("in", 200, 200, 404, 200, 200),
    "/users/": ("in", 200, 200, 200, 200, 200),
    "/users/settings/": ("in", 200, 200, 200, 200, 200),
    "/users/settings/mail/new_follower/": ("in", 200, 200, 200, 200, 200),
    "/users/mail.css": (200, 200, 200, 200, 200, 200),
    "/users/blocks/": ("in", 200, 200, 200, 200, 200),
    "/users/feeds/": ("in", 200, 200, 200, 200, 200),
    "/users/leave/": ("in", 200, 200, 200, 200, 200),
    "/users/export/": ("in", 200, 200, 200, 200, 200),
    "/users/email/": ("in", 200, 200, 200, 200, 200),
    "/users/sessions/": ("in", 200, 200, 200, 200, 200),
    "/users/2fa/": ("in", 200, 200, 200, 200, 200),
    "/posts/add/": ("in", 200, 200, 200, 200, 200),
    "/posts/1/": (200, 200, 200, 404, 200, 200),
    "/posts/2/": (404, 404, 200, 404, 200, 200),  # Hidden.
    "/posts/1/history/": (200, 200, 200, 404, 200, 200),
    "/posts/2/history/": (404, 404, 200, 404, 200, 200),
    "/posts/1/edit/": ("in", 404, 302, 404, 404, 404),  # Too late.
    "/posts/1/delete/": ("in", 404, 200, 404, 404, 404),
    "/posts/1/report/": ("in", 200, 404, 404, 200, 200),
    "/@author/follow/": (405, 405, 405, 405, 405, 405),
    "/@author/block/": (405, 405, 405, 405, 405, 405),
    "/@author/unfollow/": (405, 405, 405, 405, 405, 405),
    "/@author/unblock/": (405, 405, 405, 405, 405, 405),
    "/@author/remove-follower/": (405, 405, 405, 405, 405, 405),
    "/admin/": ("in", 403, 403, 403, 200, 200),
    "/admin/posts/post/": ("in", 403, 403, 403, 200, 200),
    "/admin/posts/reportedpost/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/user/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/user/add/": ("in", 403, 403, 403, 403, 403),
    "/admin/accounts/follow/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/moderationaction/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/delivery/": ("in", 403, 403, 403, 403, 200),
    "/admin/auth/group/": ("in", 403, 403, 403, 403, 200),
    "/sitemap.xml": (200, 200, 200, 200, 200, 200),
    "/sitemap-people-1.xml": (200, 200, 200, 200, 200, 200),
    "/manifest.webmanifest": (200, 200, 200, 200, 200, 200),
    "/media/pictures/x.webp": (404, 404, 404, 404, 404, 404),
    "/style/": (404, 404, 404, 404, 404, 404),  # Only under DEBUG.
    "/admin/accounts/job/": ("in", 403, 403, 403, 403, 200),
    "/admin/accounts/refusedaddress/": ("in", 403, 403, 403, 403, 200),
}
# Pages that are the same for everybody, or for every member: (visitor, member). 302 leads on, or asks for the password.
ALIKE = {
    "/rules/": (200, 200),
    "/privacy/": (200, 200),
    "/robots.txt": (200, 200),
    "/favicon.ico": (302, 302),
    "/livez/": (200, 200),
    "/healthz/": (200, 200),
    "/users/feed/": (301, 301),
    "/language/": (302, 302),
    "/users/unsubscribe/x/": (404, 404),
    "/users/settings/address/": ("in", 405),
    "/users/signup/": (200, 302),
    "/users/login/": ("in", 302),
    "/users/logout/": (302, 200),
    "/users/inactive/": (200, 200),
    "/users/reauthenticate/": ("in", 200),
    "/users/confirm-email/": (200, 200),
    "/users/confirm-email/x/": (200, 200),
    "/users/password/change/": ("in", 200),
    "/users/password/set/": ("in", 302),
    "/users/password/reset/": (200, 200),
    "/users/password/reset/done/": (200, 200),
    "/users/password/reset/key/1-x/": (200, 200),
    "/users/password/reset/key/done/": (200, 200),
    "/users/login/code/confirm/": ("in", 302),
    "/users/2fa/authenticate/": ("in", 302),
    "/users/2fa/reauthenticate/": ("in", 302),
    "/users/2fa/totp/activate/": ("in", 302),
    "/users/2fa/totp/deactivate/": ("in", 404),
    "/users/2fa/recovery-codes/": ("in", 404),
    "/users/2fa/recovery-codes/generate/": ("in", 302),
    "/users/2fa/recovery-codes/download/": ("in", 404),
    "/users/2fa/webauthn/": ("in", 200),
    "/users/2fa/webauthn/add/": ("in", 302),
    "/users/2fa/webauthn/reauthenticate/": ("in", 302),
    "/users/2fa/webauthn/keys/1/remove/": ("in", 302),
    "/users/2fa/webauthn/keys/1/edit/": ("in", 302),
    "/users/2fa/webauthn/login/": ("in", 302),
}
PAGES |= {path: (visitor, *[member] * 5) for path, (visitor, member) in ALIKE.items()}
# What POST without any data answers, where it answers at all. 200 is a form with its errors.
POSTS = {
    "/@author/follow/": ("in", 302, 302, 404, 302, 302),
    "/@author/unfollow/": ("in", 302, 302, 404, 302, 302),
    "/@author/block/": ("in", 302, 302, 404, 302, 302),
    "/@author/unblock/": ("in", 302, 302, 302, 302, 302),
    "/@author/remove-follower/": ("in", 302, 302, 404, 302, 302),
    "/posts/add/": ("in", 200, 200, 200, 200, 200),
    "/posts/1/report/": ("in", 200, 404, 404, 200, 200),
    "/posts/1/edit/": ("in", 404, 200, 404, 404, 404),
    "/posts/1/delete/": ("in", 404, 302, 404, 404, 404),
    "/users/settings/": ("in", 200, 200, 200, 200, 200),
    "/language/": (302, 302, 302, 302, 302, 302),
    "/users/settings/address/": ("in", 302, 302, 302, 302, 302),
    "/users/feeds/": ("in", 302, 302, 302, 302, 302),
    "/users/leave/": ("in", 200, 200, 200, 200, 200),
}
# Where POST is for allauth to answer, whose pages are everybody's own.
ALLAUTHS = tuple(
    f"/users/{page}/" for page in ("signup", "login", "logout", "reauthenticate", "email", "sessions")
)
ALLAUTHS += ("/users/password/", "/users/login/code/", "/users/2fa/", "/users/confirm-email/")


@pytest.fixture
def clients(db):
    author = UserFactory(username="author")
    people = {
        "member": UserFactory(),
        "author": author,
        "blocked": UserFactory(),
        "moderator": UserFactory(username="moderator"),
        "administrator": UserFactory(is_staff=True, is_superuser=True),
    }
    call_command("appoint_moderator", "moderator", stdout=StringIO())
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


def routes(resolver, prefix=""):
    """Every address of the site as a pattern, but those of the admin, which has a matrix of its own: permissions."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern, route) if route != "admin/" else ()
        else:
            yield route


def test_no_address_is_left_out():
    assert not settings.DEBUG
    # Pictures are files, served before any address is looked at.
    paths = [urlsplit(path).path for path in PAGES if not path.startswith(("/admin/", "/media/"))]
    assert {resolve(path).route for path in paths} == set(routes(get_resolver()))


@pytest.mark.parametrize("path", PAGES)
def test_who_sees_what(clients, path):
    assert {who: get(clients[who], path) for who in WHO} == dict(zip(WHO, PAGES[path], strict=True))


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("who", WHO)
def test_who_changes_what(clients, path, who):
    assert seen(clients[who].post(path)) == POSTS[path][WHO.index(who)]
    assert Post.objects.filter(pk=1).exists() == (not (path == "/posts/1/delete/" and who == "author"))


@pytest.mark.parametrize(
    "path", [path for path in PAGES if path not in POSTS and not path.startswith(ALLAUTHS)]
)
def test_pages_to_read_take_no_post(clients, path):
    refused = {"in", 301, 403, 404, 405}
    # The admin's lists take actions, of which none was chosen.
    assert {seen(clients[who].post(path, follow="admin" in path)) for who in WHO} <= refused | (
        {200} if path.startswith("/admin/") else set()
    )


def everything():
    """All rows that a method that should only look could change."""
    return [list(model.objects.order_by("pk").values()) for model in (Post, Follow, Block, Report)]


@pytest.mark.parametrize("path", PAGES)
def test_odd_methods_are_answered_and_change_nothing(clients, path):
    before = everything()
    for method in ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
        for who in ("visitor", "author"):
            assert clients[who].generic(method, path).status_code < 500
    assert everything() == before


@pytest.mark.parametrize("path", PAGES)
def test_somebody_suspended_is_a_visitor(clients, path):
    for person in User.objects.filter(is_superuser=False):
        person.suspend()

    visitor = get(Client(), path)
    for who in ("member", "author", "moderator"):
        assert get(clients[who], path) == visitor
