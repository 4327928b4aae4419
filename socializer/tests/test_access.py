"""Who may open and change what: every address, for every kind of visitor and member."""

from io import StringIO
from urllib.parse import unquote, urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver, resolve
from django.utils import timezone

from accounts.announcements.models import Announcement
from accounts.joining.invitations import create_invitation
from accounts.joining.models import Application
from accounts.models import Block, Follow, SiteSettings, User
from accounts.moderation.models import ModerationAction, Report
from accounts.tests.factories import UserFactory
from posts.filters.models import Filter
from posts.models import Bookmark, Like, Post
from posts.tests.factories import FilterFactory, PostFactory

WHO = ("visitor", "member", "author", "blocked", "moderator", "administrator")
# The status of GET for each of WHO. "in" redirects to the login page. The page belongs to `author`, who blocked `blocked`.
PAGES = {
    "/": (200, 200, 200, 200, 200, 200),
    "/explore/": (200, 200, 200, 200, 200, 200),
    "/unread/": ("in", 302, 302, 302, 302, 302),  # Redirects to home: nothing has been read yet.
    "/unread/?after=1": ("in", 200, 200, 200, 200, 200),
    "/news/": (200, 204, 204, 204, 204, 204),
    "/help/": (200, 200, 200, 200, 200, 200),
    "/about/": (200, 200, 200, 200, 200, 200),
    "/@author/": (200, 200, 200, 404, 200, 200),
    "/@author/replies/": (200, 200, 200, 404, 200, 200),
    "/@author/feed.atom": (200, 200, 200, 200, 200, 200),
    "/explore/feed.atom": (200, 200, 200, 200, 200, 200),
    "/feeds/key.sign/home.atom": (404, 404, 404, 404, 404, 404),
    "/@author/followers/": ("in", 200, 200, 404, 200, 200),
    "/@author/following/": ("in", 200, 200, 404, 200, 200),
    "/users/": ("in", 200, 200, 200, 200, 200),
    "/users/settings/": ("in", 200, 200, 200, 200, 200),
    "/users/settings/profile/": ("in", 200, 200, 200, 200, 200),
    "/users/settings/emails/": ("in", 200, 200, 200, 200, 200),
    "/users/settings/locale/": ("in", 200, 200, 200, 200, 200),
    "/notifications/": ("in", 200, 200, 200, 200, 200),
    "/users/welcome/": ("in", 200, 200, 200, 200, 200),
    "/users/welcome/people/": ("in", 200, 200, 200, 200, 200),
    "/users/settings/mail/new_follower/": ("in", 200, 200, 200, 200, 200),
    "/users/mail.css": (200, 200, 200, 200, 200, 200),
    "/users/blocks/": ("in", 200, 200, 200, 200, 200),
    "/users/feeds/": ("in", 200, 200, 200, 200, 200),
    "/users/decisions/": ("in", 200, 200, 200, 200, 200),
    "/users/decisions/1000000/appeal/": ("in", 404, 200, 404, 404, 404),
    "/users/suspended/": ("in", "in", "in", "in", "in", "in"),
    "/users/rules/": ("in", 302, 302, 302, 302, 302),  # Redirects to home: nothing is to be accepted.
    "/users/announcements/1/dismiss/": ("in", 405, 405, 405, 405, 405),
    "/@author/report/": ("in", 200, 404, 404, 200, 200),
    "/users/leave/": ("in", 200, 200, 200, 200, 200),
    "/users/export/": ("in", 200, 200, 200, 200, 200),
    "/users/email/": ("in", 200, 200, 200, 200, 200),
    "/users/sessions/": ("in", 200, 200, 200, 200, 200),
    "/users/sessions/1/end/": ("in", 405, 405, 405, 405, 405),
    "/users/2fa/": ("in", 200, 200, 200, 200, 200),
    "/posts/add/": ("in", 200, 200, 200, 200, 200),
    "/posts/1/": (200, 200, 200, 404, 200, 200),
    "/posts/2/": (404, 404, 200, 404, 200, 200),  # Hidden.
    "/posts/1/reply/": ("in", 200, 200, 404, 200, 200),
    "/posts/2/reply/": ("in", 404, 404, 404, 404, 404),
    "/posts/1/replies/": ("in", 404, 200, 404, 404, 404),
    "/posts/1/history/": (200, 200, 200, 404, 200, 200),
    "/posts/2/history/": (404, 404, 200, 404, 200, 200),
    "/posts/1/edit/": ("in", 404, 302, 404, 404, 404),  # Too late.
    "/posts/1/delete/": ("in", 404, 200, 404, 404, 404),
    "/posts/1/report/": ("in", 200, 404, 404, 200, 200),
    "/posts/1/likes/": (200, 200, 200, 404, 200, 200),
    "/posts/2/likes/": (404, 404, 200, 404, 200, 200),  # Hidden.
    "/posts/1/like/": (405, 405, 405, 405, 405, 405),
    "/posts/1/unlike/": (405, 405, 405, 405, 405, 405),
    "/posts/1/bookmark/": (405, 405, 405, 405, 405, 405),
    "/posts/1/remove-bookmark/": (405, 405, 405, 405, 405, 405),
    "/bookmarks/": ("in", 200, 200, 200, 200, 200),
    "/posts/1/mute-conversation/": (405, 405, 405, 405, 405, 405),
    "/posts/1/unmute-conversation/": (405, 405, 405, 405, 405, 405),
    "/@author/follow/": (405, 405, 405, 405, 405, 405),
    "/@author/block/": ("in", 200, 302, 404, 200, 200),
    "/@author/mute/": ("in", 200, 302, 404, 200, 200),
    "/@author/unmute/": (405, 405, 405, 405, 405, 405),
    "/users/mutes/": ("in", 200, 200, 200, 200, 200),
    "/users/filters/": ("in", 200, 200, 200, 200, 200),
    "/users/filters/1000000/": ("in", 404, 200, 404, 404, 404),
    "/users/filters/1000000/remove/": ("in", 405, 405, 405, 405, 405),
    "/users/invitations/": ("in", 200, 200, 200, 200, 200),
    "/users/invitations/1/revoke/": ("in", 405, 405, 405, 405, 405),
    "/users/invited/x.y/": (200, 302, 302, 302, 302, 302),
    "/users/application/": ("in", 302, 302, 302, 302, 302),
    "/@author/unfollow/": (405, 405, 405, 405, 405, 405),
    "/@author/unblock/": (405, 405, 405, 405, 405, 405),
    "/@author/remove-follower/": (405, 405, 405, 405, 405, 405),
    "/admin/": ("in", 403, 403, 403, 200, 200),
    "/admin/posts/post/": ("in", 403, 403, 403, 200, 200),
    "/admin/moderation/": ("in", 403, 403, 403, 200, 200),
    "/admin/moderation/people/author/": ("in", 403, 403, 403, 200, 200),
    "/admin/moderation/record/": ("in", 403, 403, 403, 200, 200),
    "/admin/moderation/undo/": ("in", 403, 403, 403, 405, 405),
    "/admin/accounts/user/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/user/add/": ("in", 403, 403, 403, 403, 403),
    "/admin/accounts/follow/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/moderationaction/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/rule/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/announcement/": ("in", 403, 403, 403, 403, 200),
    "/admin/accounts/announcement/add/": ("in", 403, 403, 403, 403, 200),
    "/admin/accounts/invitation/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/invitationuse/": ("in", 403, 403, 403, 200, 200),
    "/admin/accounts/application/": ("in", 403, 403, 403, 403, 200),
    "/admin/accounts/sitesettings/": ("in", 403, 403, 403, 403, 200),
    "/admin/accounts/delivery/": ("in", 403, 403, 403, 403, 200),
    "/admin/auth/group/": ("in", 403, 403, 403, 403, 200),
    "/sitemap.xml": (200, 200, 200, 200, 200, 200),
    "/sitemap-people-1.xml": (200, 200, 200, 200, 200, 200),
    "/manifest.webmanifest": (200, 200, 200, 200, 200, 200),
    "/media/pictures/x.webp": (404, 404, 404, 404, 404, 404),
    "/style/": (404, 404, 404, 404, 404, 404),  # Exists only with DEBUG.
    "/admin/accounts/job/": ("in", 403, 403, 403, 403, 200),
    "/admin/accounts/suppressedaddress/": ("in", 403, 403, 403, 403, 200),
}
# Pages that are the same for all visitors, or for all members: (visitor, member). 302 redirects, or asks for the password.
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
    "/users/password/check/": (405, 405),
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
# The status of POST without data, where POST is allowed. 200 is a form with errors.
POSTS = {
    "/": ("in", 200, 200, 200, 200, 200),
    "/@author/follow/": ("in", 302, 302, 404, 302, 302),
    "/@author/unfollow/": ("in", 302, 302, 404, 302, 302),
    "/@author/block/": ("in", 302, 302, 404, 302, 302),
    "/@author/mute/": ("in", 200, 302, 404, 200, 200),
    "/@author/unmute/": ("in", 302, 302, 404, 302, 302),
    "/@author/unblock/": ("in", 302, 302, 302, 302, 302),
    "/@author/remove-follower/": ("in", 302, 302, 404, 302, 302),
    "/posts/add/": ("in", 200, 200, 200, 200, 200),
    "/posts/1/report/": ("in", 200, 404, 404, 200, 200),
    "/posts/1/mute-conversation/": ("in", 302, 302, 404, 302, 302),
    "/posts/1/unmute-conversation/": ("in", 302, 302, 404, 302, 302),
    "/@author/report/": ("in", 200, 404, 404, 200, 200),
    "/users/decisions/1000000/appeal/": ("in", 404, 200, 404, 404, 404),
    "/users/suspended/": ("in", "in", "in", "in", "in", "in"),
    "/users/rules/": ("in", 302, 302, 302, 302, 302),
    "/users/announcements/1/dismiss/": ("in", 302, 302, 302, 302, 302),
    **{
        f"/posts/1/{action}/": ("in", 302, 302, 404, 302, 302)
        for action in ("like", "unlike", "bookmark", "remove-bookmark")
    },
    "/posts/2/like/": (404, 404, 404, 404, 404, 404),
    "/posts/2/remove-bookmark/": (404, 404, 404, 404, 404, 404),
    "/posts/1/edit/": ("in", 404, 200, 404, 404, 404),
    "/posts/1/reply/": ("in", 200, 200, 404, 200, 200),
    "/posts/2/reply/": ("in", 404, 404, 404, 404, 404),
    "/posts/1/replies/": ("in", 404, 200, 404, 404, 404),
    "/posts/1/delete/": ("in", 404, 302, 404, 404, 404),
    "/users/settings/profile/": ("in", 200, 200, 200, 200, 200),
    "/users/settings/emails/": ("in", 302, 302, 302, 302, 302),
    "/users/settings/locale/": ("in", 302, 302, 302, 302, 302),
    "/users/welcome/": ("in", 200, 200, 200, 200, 200),
    "/users/password/check/": (200, 200, 200, 200, 200, 200),
    "/language/": (302, 302, 302, 302, 302, 302),
    "/users/settings/address/": ("in", 302, 302, 302, 302, 302),
    "/users/feeds/": ("in", 302, 302, 302, 302, 302),
    "/users/filters/": ("in", 200, 200, 200, 200, 200),
    "/users/filters/1000000/": ("in", 404, 200, 404, 404, 404),
    "/users/filters/1000000/remove/": ("in", 302, 302, 302, 302, 302),
    "/users/leave/": ("in", 200, 200, 200, 200, 200),
    "/users/invitations/": ("in", 200, 200, 200, 200, 200),
    "/users/invitations/1/revoke/": ("in", 404, 404, 404, 404, 404),
    "/users/invited/x.y/": (200, 302, 302, 302, 302, 302),
    "/users/application/": ("in", 302, 302, 302, 302, 302),
}
# What people can open whose application waits or was refused, and the status. All other pages redirect to the application.
TO_APPLICANTS = {
    **dict.fromkeys(
        ("/about/", "/help/", "/rules/", "/privacy/", "/robots.txt", "/livez/", "/healthz/"), 200
    ),
    **dict.fromkeys(("/manifest.webmanifest", "/users/mail.css", "/users/application/"), 200),
    **dict.fromkeys(("/users/settings/locale/", "/users/leave/", "/users/export/", "/users/logout/"), 200),
    **dict.fromkeys(("/users/inactive/", "/users/confirm-email/", "/users/confirm-email/x/"), 200),
    **dict.fromkeys(("/users/password/reset/", "/users/password/reset/done/"), 200),
    **dict.fromkeys(("/users/password/reset/key/1-x/", "/users/password/reset/key/done/"), 200),
    "/users/invited/x.y/": 200,
    "/users/password/check/": 405,
    "/users/unsubscribe/x/": 404,
    "/media/pictures/x.webp": 404,
    "/language/": 302,
    "/favicon.ico": 302,
}
# allauth handles POST on these pages, which belong to the member who opens them.
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
    FilterFactory(pk=10**6, member=author)
    PostFactory(id=1, author=author)
    PostFactory(id=2, author=author).hide()
    about = {"person_name": "author", "subject_model": "posts.Post", "subject_id": 2}
    ModerationAction.objects.create(pk=10**6, action="hide", moderator_name="x", reason="x", **about)
    clients = {"visitor": Client()}
    for name, person in people.items():
        clients[name] = Client()
        clients[name].force_login(person)
    return clients


@pytest.fixture
def applicants(db):
    """The clients of somebody who waits for approval and of somebody who was refused."""
    now, clients = timezone.now(), {}
    for name, state in (
        ("pending", {}),
        ("refused", {"state": "refused", "decided_on": now, "reason": "No."}),
    ):
        person = UserFactory(username=name, pending_since=now)
        Application.objects.create(person=person, text="Please", submitted_on=now, **state)
        clients[name] = Client()
        clients[name].force_login(person)
    return clients


@pytest.fixture
def invited(db):
    """The client of a visitor with an invitation, on a site where everyone needs one, and the path of the link."""
    SiteSettings.create_first()
    SiteSettings.objects.update(signup_mode="invitation")
    invitation = create_invitation(None, limit=1, days=1)
    return Client(), invitation.url.removeprefix(settings.SITE_URL)


def seen(response):
    """Return the status, or "in" if the visitor is redirected to the login page."""
    led = response.url if response.status_code == 302 else response.request["PATH_INFO"]
    return "in" if led.startswith("/users/login/") else response.status_code


def get(client, path):
    # The admin redirects to its own login page first, which redirects further or refuses.
    return seen(client.get(path, follow=path.startswith("/admin/")))


def led_to_application(response):
    return response.status_code == 302 and response.url == "/users/application/"


def routes(resolver, prefix=""):
    """Return the URL patterns of the site, except those of the admin, which has tests of its own."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern, route) if route != "admin/" else ()
        else:
            yield route


def test_every_address_is_covered():
    assert not settings.DEBUG
    # Pictures are files that are served before URLs are resolved.
    paths = [urlsplit(path).path for path in PAGES if not path.startswith(("/admin/", "/media/"))]
    assert {resolve(path).route for path in paths} == set(routes(get_resolver()))


@pytest.mark.parametrize("path", PAGES)
def test_who_may_open_what(clients, path):
    assert {who: get(clients[who], path) for who in WHO} == dict(zip(WHO, PAGES[path], strict=True))


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("who", WHO)
def test_who_may_change_what(clients, path, who):
    assert seen(clients[who].post(path)) == POSTS[path][WHO.index(who)]
    assert Post.objects.filter(pk=1).exists() == (not (path == "/posts/1/delete/" and who == "author"))


@pytest.mark.parametrize("who", ["pending", "refused"])
def test_what_applicants_may_open(clients, applicants, who):
    """One test for all addresses, because people and posts are the same for each."""
    person, client = User.objects.get(username=who), applicants[who]
    for path in PAGES:
        for method in ("get", "post"):
            response = getattr(client, method)(path)
            if path not in TO_APPLICANTS:
                assert led_to_application(response), (method, path)
            elif method == "get":
                assert response.status_code == TO_APPLICANTS[path], path
                assert response.streaming or "@author" not in response.text, path
            else:
                assert not led_to_application(response) or path == "/users/application/", path
            if "_auth_user_id" not in client.session:
                assert path == "/users/logout/"
                client.force_login(person)


def test_an_invitation_opens_only_the_sign_up(clients, invited):
    client, link = invited
    assert client.get(link).status_code == 200
    differing = [path for path in PAGES if get(client, path) != get(Client(), path)]
    assert not differing


def test_an_invitation_shows_a_form_where_there_is_none_without_it(invited):
    client, link = invited
    assert "form" in client.get(link).context
    assert client.get("/users/signup/").status_code == 200
    assert not User.objects.exists()


def test_views_require_a_login_by_themselves(clients, settings):
    """Another project may not have Django's LoginRequiredMiddleware."""
    middleware = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    assert middleware in settings.MIDDLEWARE
    # Without the middleware, the admin redirects to its own login page first.
    paths = [path for path in PAGES if not path.startswith("/admin/")]

    def responses():
        visitor, found = Client(), {}
        for path in paths:
            for method in ("get", "post"):
                response = getattr(visitor, method)(path)
                # allauth escapes slashes in `next`, and the middleware doesn't.
                found[f"{method} {path}"] = response.status_code, unquote(response.get("Location", ""))
        return found

    with_middleware = responses()
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != middleware]

    assert responses() == with_middleware


@pytest.mark.parametrize(
    "path", [path for path in PAGES if path not in POSTS and not path.startswith(ALLAUTHS)]
)
def test_read_only_pages_accept_no_post(clients, path):
    refused = {"in", 301, 403, 404, 405}
    # Lists in the admin accept actions and the moderators' pages decisions, but none was chosen.
    assert {seen(clients[who].post(path, follow="admin" in path)) for who in WHO} <= refused | (
        {200, 400} if path.startswith("/admin/") else set()
    )


def everything():
    """Return all rows that a safe method might change by mistake."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (Post, Follow, Block, Report, Like, Bookmark, Filter)
    ]


@pytest.mark.parametrize("path", PAGES)
def test_unusual_methods_are_answered_and_change_nothing(clients, path):
    before = everything()
    for method in ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
        for who in ("visitor", "author"):
            assert clients[who].generic(method, path).status_code < 500
    assert everything() == before


@pytest.mark.parametrize("path", PAGES)
def test_a_suspended_member_is_treated_as_a_visitor(clients, path):
    for person in User.objects.filter(is_superuser=False):
        person.suspend()

    visitor = get(Client(), path)
    for who in ("member", "author", "moderator"):
        assert get(clients[who], path) == visitor


# What members can open before they have accepted new rules: pages about the site or without a login, and the way out.
BEFORE_ACCEPTANCE = {
    "/about/", "/help/", "/rules/", "/privacy/", "/news/", "/language/", "/users/feed/", "/feeds/key.sign/home.atom",
    "/robots.txt", "/favicon.ico", "/manifest.webmanifest", "/sitemap.xml", "/sitemap-people-1.xml", "/livez/", "/healthz/",
    "/media/pictures/x.webp", "/style/", "/users/mail.css", "/users/unsubscribe/x/", "/users/signup/", "/users/login/",
    "/users/logout/", "/users/inactive/", "/users/confirm-email/", "/users/confirm-email/x/", "/users/login/code/confirm/",
    "/users/password/reset/", "/users/password/reset/done/", "/users/password/reset/key/1-x/",
    "/users/password/reset/key/done/", "/users/password/check/", "/users/2fa/authenticate/", "/users/2fa/webauthn/login/",
    "/users/rules/", "/users/leave/", "/users/export/", "/users/decisions/", "/users/decisions/1000000/appeal/",
    "/users/suspended/",
}  # fmt: skip


def test_who_has_to_accept_new_rules_opens_nothing_else(clients):
    Announcement.objects.create(text="New rules", new_rules=True)
    for who in ("member", "administrator"):
        led_away = set()
        for path in PAGES:
            response = clients[who].get(path, follow=path.startswith("/admin/"))
            to = response.url if response.status_code in (301, 302) else response.request["PATH_INFO"]
            if to.startswith("/users/rules/") and path != "/users/rules/":
                led_away.add(path)
        assert led_away == set(PAGES) - BEFORE_ACCEPTANCE
