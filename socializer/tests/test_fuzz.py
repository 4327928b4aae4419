"""Odd requests to every form, every query parameter and all of the admin: answered, never crashed on.

FUZZ_REQUESTS says how many; 10,000 take some minutes.
"""

import os
import random
import re
from datetime import timedelta
from io import StringIO
from urllib.parse import quote, urlencode

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.announcements.models import Announcement
from accounts.emails.models import Delivery, SuppressedAddress
from accounts.models import User
from accounts.moderation.actions import moderate
from accounts.tests.factories import UserFactory
from posts.models import Post
from posts.tests.factories import FilterFactory, PostFactory, ReportFactory

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", 600))

QUERIES = ["state", "before", "after", "seen", "q", "next", "format", "page", "o", "p", "language"]
PATHS = [
    "/", "/explore/", "/@ada/", "/@bob/", "/users/", "/@bob/followers/", "/@bob/following/", "/users/blocks/", "/users/mutes/", "/@bob/mute/", "/users/decisions/", "/users/rules/", "/users/suspended/", "/@bob/report/",
    "/@bob/block/", "/users/welcome/", "/users/welcome/people/", "/users/settings/", "/users/settings/profile/", "/users/settings/emails/", "/users/settings/locale/", "/users/signup/", "/users/login/", "/users/password/reset/", "/users/email/", "/posts/1/", "/posts/1/history/", "/posts/1/reply/", "/posts/1/replies/", "/@bob/replies/",
    "/posts/2/edit/", "/unread/", "/news/", "/help/", "/explore/feed.atom", "/feeds/x.y/home.atom", "/users/feeds/", "/sitemap-posts-1.xml",
    "/healthz/", "/@bob/feed.atom", "/posts/1/likes/", "/bookmarks/", "/notifications/", "/users/invitations/", "/users/invited/x.y/", "/users/application/", "/users/filters/", "/users/filters/1000000/",
]  # fmt: skip
FORMS = {
    "/": ["content", "submission"],
    "/posts/add/": ["content", "submission", "language", "reply_policy"],
    "/posts/1/reply/": ["content", "submission", "language"],
    "/posts/2/reply/": ["content", "submission", "language"],
    "/posts/1/replies/": ["reply_policy"],
    "/posts/2/replies/": ["reply_policy"],
    "/posts/1/edit/": ["content", "seen"],
    "/posts/2/edit/": ["content", "seen"],
    "/posts/1/report/": ["reason", "note"],
    "/@bob/report/": ["reason", "note"],
    "/users/decisions/1/appeal/": ["text"],
    "/users/suspended/": [],
    "/users/rules/": ["announcement", "next"],
    "/users/announcements/1/dismiss/": [],
    "/posts/1/delete/": [],
    "/@bob/mute/": ["duration", "next"],
    "/users/settings/profile/": ["display_name", "bio", "noindex", "picture", "remove_picture"],
    "/users/settings/emails/": ["new_follower", "home_by_mail", "new_follower-site", "with_site"],
    "/users/filters/": ["phrase", "places", "duration"],
    "/users/filters/1000000/": ["phrase", "places", "duration"],
    "/users/filters/2/remove/": [],
    "/posts/1/mute-conversation/": [],
    "/posts/1/unmute-conversation/": [],
    "/users/settings/locale/": ["time_zone", "language"],
    "/users/welcome/": ["display_name", "picture"],
    "/users/password/check/": ["password1", "username", "email"],
    "/users/sessions/1/end/": [],
    "/users/feeds/": ["do"],
    "/users/leave/": ["password", "sure"],
    "/users/invitations/": ["limit", "days", "people"],
    "/users/invitations/1/revoke/": [],
    "/users/invited/x.y/": ["username", "email", "password1", "why"],
    "/users/application/": ["text"],
    "/users/signup/": ["username", "email", "password1", "time_zone", "why", "next"],
    "/users/login/": ["login", "password", "remember", "next"],
    "/users/password/reset/": ["email"],
    "/users/password/change/": ["oldpassword", "password1", "password2"],
    "/users/email/": ["email", "action_add"],
    "/users/reauthenticate/": ["password", "next"],
    "/users/unsubscribe/x:y:z/": ["List-Unsubscribe", "when"],
    "/@bob/follow/": ["next"],
    "/posts/1/like/": ["next"],
    "/posts/1/unlike/": ["next"],
    "/posts/1/bookmark/": ["next"],
    "/posts/1/remove-bookmark/": ["next"],
    "/@bob/block/": ["next"],
    "/@bob/unblock/": ["next"],
}
VALUES = [
    "", " ", "0", "-1", "1", "x" * 600, "9" * 400, str(2**63), str(2**64), "1e309", "NaN", "null", "true", "[]", "{}",
    "\x00", "\x00a", "a\r\nb", "\ud7ff\ue000", "\uffff", "\U0010ffff", "\u202e\u2066", "\u0301" * 300, "ß" * 300, "İ", "ﬀ",
    "👨‍👩‍👧‍👦" * 90, "' OR 1=1 --", '"><svg onload=x>', "{{ 7|add:7 }}", "%s%n%(x)s", "../../etc/passwd", "//evil.example",
    "https://evil.example/", "javascript:x", "a@b", "a@" + "b" * 300 + ".example", "ada", "@ada", "ADA", "٣", "²", "%00", "%ff",
]  # fmt: skip
# The first bytes of pictures, and of files that look like pictures.
HEADS = [
    b"",
    b"<svg>",
    b"GIF89a",
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x40\0\0\0WEBPVP8 ",
    b"BM",
    b"%PDF-",
]


def odd_value(rng):
    if rng.random() < 0.8:
        return rng.choice(VALUES)
    return "".join(
        chr(rng.choice([rng.randrange(0x300), rng.randrange(0xD800), rng.randrange(0xE000, 0x110000)]))
        for _ in range(rng.randrange(40))
    )


def odd_field(rng, name):
    if name == "picture" and rng.random() < 0.8:
        return SimpleUploadedFile("odd.jpg", rng.choice(HEADS) + rng.randbytes(rng.randrange(300)))
    return odd_value(rng)


def odd_request(rng, client):
    """Send a random request. Returns a description of it and the response."""
    query = {rng.choice(QUERIES): odd_value(rng) for _ in range(rng.randrange(3))}
    headers = {"HX-Request": "true"} if rng.random() < 0.2 else {}
    if rng.random() < 0.5:
        path = rng.choice(PATHS)
        return f"GET {path} {query!r}", client.get(path, query, headers=headers)
    path = rng.choice(list(FORMS))
    # Some fields are missing, and some appear twice.
    data = {
        name: [odd_field(rng, name) for _ in range(rng.choice([1, 1, 1, 2]))]
        for name in FORMS[path]
        if rng.random() < 0.85
    }
    return f"POST {path} {data!r}", client.post(path, data, query_params=query, headers=headers)


# The admin

LOOKUPS = [
    "", "__exact", "__in", "__isnull", "__isempty", "__contains", "__icontains", "__startswith", "__gt", "__gte", "__lt", "__range",
    "__year", "__month", "__day", "__date", "__time", "__week", "__week_day", "__iso_year", "__hour", "__year__gte", "__regex",
    "__iregex", "__id__exact", "__pk", "__username", "__email__startswith", "__nothing", "__", "____",
]  # fmt: skip
ADMIN_QUERIES = [
    "q", "p", "o", "e", "all", "_facets", "_popup", "_to_field", "_changelist_filters", "_source_model", "next", "term", "page",
    "app_label", "model_name", "field_name", "report_count", "history", "pk", "start", "before", "moderator", "person",
]  # fmt: skip
ADMIN_VALUES = [
    *VALUES, "99999999999", "-99999999999", "9.9.9", "-0", "1,2,x", "1," * 300, "2026-02-30", "0000-00-00", "9999-12-31", "24:61", "0x1",
    "\ud800", "a " * 240, "a " * 5000, "%", "\\", "(", "*", "id", "email", "e=1&e=1", "q=%00&o=9", "accounts", "user", "follower", "follow",
    "post-1:x", "post-1", "person-1:", "person-99999999999999999999", "hide", "suspend", "suspend-", "reinstate", "warn", "dismiss",
    "00000000-0000-0000-0000-000000000000", "2_000", "1_", "99999999999-01-01", "_5F", "_",
]  # fmt: skip
ADMIN_FIELDS = [
    "action", "_selected_action", "select_across", "index", "reason", "post", "_save", "_continue", "_addanother", "_saveasnew",
    "password1", "password2", "old_password", "new_password1", "new_password2", "usable_password", "form-TOTAL_FORMS",
    "form-INITIAL_FORMS", "form-0-id", "_popup", "_to_field", "name", "permissions", "email", "user", "primary", "verified",
    "display_name", "bio", "time_zone", "groups", "user_permissions", "is_staff",
    "text", "starts_on_0", "starts_on_1", "ends_on_0", "ends_on_1", "new_rules", "members_only",
    "card", "decision", "together", "following", "rule", "after", "text", "appeal", "grant",
]  # fmt: skip
ACTIONS = [
    "hide",
    "restore",
    "suspend",
    "reinstate",
    "remove_picture",
    "retry",
    "trust",
    "delete_selected",
]


def routes(patterns, prefix=""):
    """Return the routes of the admin as in URL patterns: "posts/post/<path:object_id>/change/"."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        yield from routes(pattern.url_patterns, route) if hasattr(pattern, "url_patterns") else [route]


def admin_paths():
    """Return all addresses of the admin, with a * for each variable part."""
    known = {re.sub(r"<[^>]+>", "*", route) for route in routes(admin.site.get_urls())}
    apps = {model._meta.app_label for model in admin.site._registry}
    plain = {path for path in known if not re.search(r"[()\\^$]", path)}
    return sorted({"/admin/" + path for path in plain | {f"{app}/" for app in apps} | {"*", "*/*/"}})


def admin_field_names():
    """Return the names that lists can filter by, for each path. Names that the list shows are the most frequent."""
    return {
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/": [
            *(field.name for field in model._meta.get_fields(include_hidden=True)),
            *(field.attname for field in model._meta.fields),
            *[name for name in model_admin.list_display if isinstance(name, str)] * 5,
        ]
        for model, model_admin in admin.site._registry.items()
    }


def odd_admin_value(rng, ids):
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(ids)
    return rng.choice(ADMIN_VALUES) if kind < 0.85 else odd_value(rng)


def odd_admin_request(rng, client, paths, fields, ids):
    """Send a random request to the admin. Returns a description of it and the response."""
    path = rng.choice(paths)
    names = fields.get(path, [])
    while "*" in path:
        path = path.replace("*", quote(odd_admin_value(rng, ids), safe="", errors="surrogatepass"), 1)
    query = {}
    for _ in range(rng.randrange(4)):
        name = (
            rng.choice(names) + rng.choice(LOOKUPS)
            if names and rng.random() < 0.6
            else rng.choice(ADMIN_QUERIES)
        )
        query[name] = odd_admin_value(rng, ids)
    query = urlencode(query, errors="surrogatepass")
    if rng.random() < 0.6:
        return f"GET {path}?{query}", client.get(f"{path}?{query}")
    data = {name: odd_admin_value(rng, ids) for name in rng.sample(ADMIN_FIELDS, rng.randrange(6))}
    if names and rng.random() < 0.7:
        data |= {
            "action": rng.choice(ACTIONS),
            "_selected_action": [odd_admin_value(rng, ids) for _ in range(2)],
        }
    if "/moderation/" in path and rng.random() < 0.7:
        data |= {
            "card": rng.choice(["post-1:x", "post-2:", "person-2"]),
            "decision": rng.choice(["hide", "warn", "suspend", "dismiss"]),
            "days": rng.choice(["7", "", "2", "x"]),
        }
    body = urlencode(data, doseq=True, errors="surrogatepass")
    response = client.post(f"{path}?{query}", body, content_type="application/x-www-form-urlencoded")
    return f"POST {path}?{query} {body}", response


@pytest.fixture
def people(settings):
    """An administrator, a moderator and a member by name, with rows for all lists of the admin."""
    settings.ACCOUNT_RATE_LIMITS = False
    Group.objects.create(name="Moderators")
    return people_with_their_roles()


def people_with_their_roles():
    """Undo what requests did to these people."""
    people = {}
    for name in ("ada", "mo", "bob"):
        people[name] = User.objects.filter(username=name).first() or UserFactory(username=name)
        User.objects.filter(username=name).update(is_active=True, suspended_on=None, suspended_until=None)
    User.objects.filter(username="ada").update(is_staff=True, is_superuser=True)
    call_command("appoint_moderator", "mo", stdout=StringIO())
    return people


def fill(people):
    """Create rows for every list of the admin. Returns their keys."""
    bob = people["bob"]
    PostFactory(id=1, author=bob)
    FilterFactory(pk=10**6, member=bob)
    PostFactory(id=2, author=people["ada"], created_on=timezone.now())  # It can be edited.
    ReportFactory(reporter=people["mo"], post=Post.objects.get(pk=1))
    people["mo"].follow(bob)
    Delivery.objects.create(recipient=bob, address="bob@example.org", type="new_follower", key="k")
    Announcement.objects.create(pk=1, text="Hello", ends_on=timezone.now() + timedelta(days=1))
    SuppressedAddress.objects.create(address="bob@example.org", answer="550")
    TOTP.activate(bob, "JBSWY3DPEHPK3PXP")
    moderate(people["mo"], Post.hide, Post.objects.filter(pk=1), "Spam.")
    Post.objects.get(pk=1).restore()
    return [
        str(key)
        for model in admin.site._registry
        for key in model._default_manager.values_list("pk", flat=True)[:3]
    ]


@pytest.mark.django_db(transaction=True)
def test_no_random_request_causes_a_crash(people):
    # Without a transaction, as on a site. On PostgreSQL, a failure would break the rest of the transaction.
    rng = random.Random(int(os.environ.get("FUZZ_SEED", 20261123)))
    ids = fill(people)
    paths, fields = admin_paths(), admin_field_names()
    clients = {name: Client(raise_request_exception=False) for name in people}
    crashed = []
    for number in range(REQUESTS):
        if number % 10 == 0:
            people = people_with_their_roles()
            for name, client in clients.items():
                client.force_login(people[name])
        elif number % 10 == 7:
            clients["bob"].logout()
        if number % 2:
            request, response = odd_admin_request(rng, clients[rng.choice(["ada", "mo"])], paths, fields, ids)
        else:
            request, response = odd_request(rng, clients[rng.choice(["ada", "bob"])])
        if response.status_code >= 500:
            crashed.append(
                f"{response.status_code}: {response.exc_info and response.exc_info[1]!r}: {request}"
            )

    assert crashed == []


def test_the_fuzz_test_covers_the_whole_admin():
    paths, fields = admin_paths(), admin_field_names()

    assert "/admin/r/*/*/" in paths
    assert "/admin/accounts/suppressedaddress/*/change/" in paths
    assert "/admin/accounts/user/*/password/" in paths
    assert set(fields) <= set(paths)
