"""Odd requests to every form and query parameter: answered, never crashed on.

FUZZ_REQUESTS says how many; 10,000 take about two minutes.
"""

import os
import random

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import UserFactory
from posts.tests.factories import PostFactory

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", 600))

QUERIES = ["state", "before", "after", "q", "next", "format", "page", "o", "p"]
PATHS = [
    "/", "/explore/", "/@ada/", "/@bob/", "/users/", "/@bob/followers/", "/@bob/following/", "/users/blocks/",
    "/users/settings/", "/users/signup/", "/users/login/", "/users/password/reset/", "/users/email/", "/posts/1/", "/posts/1/history/",
    "/posts/2/edit/", "/unread/", "/news/", "/help/", "/explore/feed.atom", "/feeds/x.y/home.atom", "/users/feeds/", "/sitemap-posts-1.xml",
    "/healthz/", "/@bob/feed.atom", "/admin/posts/post/", "/admin/accounts/user/", "/admin/posts/reportedpost/", "/admin/accounts/job/",
    "/admin/accounts/delivery/",
]  # fmt: skip
FORMS = {
    "/posts/add/": ["content", "submission"],
    "/posts/1/edit/": ["content", "seen"],
    "/posts/2/edit/": ["content", "seen"],
    "/posts/1/report/": ["reason", "note"],
    "/posts/1/delete/": [],
    "/users/settings/": [
        "display_name",
        "bio",
        "new_follower",
        "home_by_mail",
        "time_zone",
        "language",
        "noindex",
        "picture",
        "remove_picture",
    ],
    "/users/feeds/": ["do"],
    "/users/leave/": ["password", "sure"],
    "/users/signup/": ["username", "email", "password1", "next"],
    "/users/login/": ["login", "password", "remember", "next"],
    "/users/password/reset/": ["email"],
    "/users/password/change/": ["oldpassword", "password1", "password2"],
    "/users/email/": ["email", "action_add"],
    "/users/reauthenticate/": ["password", "next"],
    "/users/unsubscribe/x:y:z/": ["List-Unsubscribe", "when"],
    "/@bob/follow/": ["next"],
    "/@bob/block/": ["next"],
    "/@bob/unblock/": ["next"],
}
VALUES = [
    "", " ", "0", "-1", "1", "x" * 600, "9" * 400, str(2**63), str(2**64), "1e309", "NaN", "null", "true", "[]", "{}",
    "\x00", "\x00a", "a\r\nb", "\ud7ff\ue000", "\uffff", "\U0010ffff", "\u202e\u2066", "\u0301" * 300, "ß" * 300, "İ", "ﬀ",
    "👨‍👩‍👧‍👦" * 90, "' OR 1=1 --", '"><svg onload=x>', "{{ 7|add:7 }}", "%s%n%(x)s", "../../etc/passwd", "//evil.example",
    "https://evil.example/", "javascript:x", "a@b", "a@" + "b" * 300 + ".example", "ada", "@ada", "ADA", "٣", "²", "%00", "%ff",
]  # fmt: skip
# How pictures, and what is taken for one, begin.
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
    """Send one, and return what it was and the answer."""
    query = {rng.choice(QUERIES): odd_value(rng) for _ in range(rng.randrange(3))}
    headers = {"HX-Request": "true"} if rng.random() < 0.2 else {}
    if rng.random() < 0.5:
        path = rng.choice(PATHS)
        return f"GET {path} {query!r}", client.get(path, query, headers=headers)
    path = rng.choice(list(FORMS))
    # Some fields are missing, some come twice.
    data = {
        name: [odd_field(rng, name) for _ in range(rng.choice([1, 1, 1, 2]))]
        for name in FORMS[path]
        if rng.random() < 0.85
    }
    return f"POST {path} {data!r}", client.post(path, data, query_params=query, headers=headers)


@pytest.mark.django_db
def test_no_odd_request_is_crashed_on(settings):
    settings.ACCOUNT_RATE_LIMITS = False
    rng = random.Random(20261123)
    ada = UserFactory(username="ada", is_staff=True, is_superuser=True)
    bob = UserFactory(username="bob")
    PostFactory(id=1, author=bob)
    PostFactory(id=2, author=ada, created_on=timezone.now())  # Can be edited.
    client = Client(raise_request_exception=False)
    crashed = []
    for number in range(REQUESTS):
        if number % 10 == 0:
            client.force_login(ada)
        elif number % 10 == 7:
            client.logout()
        request, response = odd_request(rng, client)
        if response.status_code >= 500:
            crashed.append(request)

    assert crashed == []
