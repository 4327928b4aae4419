"""Knowing a browser again at log-in, by a signed cookie, and telling its owner of one that is new."""

import re

from django.conf import settings
from django.core import signing

COOKIE = "known_device"
SALT = "accounts.devices"
MAX_AGE = 2 * 365 * 24 * 3600
# One browser, shared by a family: more would make the cookie long.
MOST_PEOPLE = 10

# The first that is found counts, as each claims to be those further down, too.
_BROWSERS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def known_people(request):
    """The primary keys of those who have logged in with this browser, latest last."""
    try:
        people = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return []
    return people if isinstance(people, list) else []


def is_known(request, user):
    """Whether `user` has logged in with this browser before."""
    return user.pk in known_people(request)


def remember(request, user):
    """Have the answer to `request` set the cookie; DeviceMiddleware does it."""
    others = [pk for pk in known_people(request) if pk != user.pk]
    request.known_people = [*others, user.pk][-MOST_PEOPLE:]


def set_cookie(request, response):
    response.set_cookie(
        COOKIE,
        signing.dumps(request.known_people, salt=SALT),
        max_age=MAX_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def describe_browser(user_agent):
    """Say in a word or two what a User-Agent header claims: "Firefox, Linux"."""
    words = [
        next((name for mark, name in marks if mark in user_agent), "") for marks in (_BROWSERS, _SYSTEMS)
    ]
    said = ", ".join(filter(None, words))
    return said or re.sub(r"[^\w ./;()-]", "", user_agent)[:60]
