"""Known browsers: a signed cookie identifies a browser, so that members get an email about logins from others."""

import re

from django.conf import settings
from django.core import signing

COOKIE = "known_device"
# This salt signs cookies that browsers keep for two years, so it never changes.
SALT = "accounts.devices"
MAX_AGE = 2 * 365 * 24 * 3600
# A family may share a browser. More users would make the cookie long.
MAX_USERS = 10

# The first match counts, because the User-Agent header of a browser may also name browsers further down in this list.
_BROWSERS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def known_user_ids(request):
    """Return a list of the primary keys of users who have logged in with this browser, the latest last."""
    try:
        user_ids = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return []
    return user_ids if isinstance(user_ids, list) else []


def is_known(request, user):
    """Return whether `user` has logged in with this browser before."""
    return user.pk in known_user_ids(request)


def remember(request, user):
    """Let DeviceMiddleware set the cookie in the response to `request`."""
    others = [pk for pk in known_user_ids(request) if pk != user.pk]
    request.known_user_ids = [*others, user.pk][-MAX_USERS:]


def set_cookie(request, response):
    response.set_cookie(
        COOKIE,
        signing.dumps(request.known_user_ids, salt=SALT),
        max_age=MAX_AGE,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def describe_browser(user_agent):
    """Return a short description of a User-Agent header, such as "Firefox, Linux"."""
    names = [
        next((name for mark, name in marks if mark in user_agent), "") for marks in (_BROWSERS, _SYSTEMS)
    ]
    description = ", ".join(filter(None, names))
    return description or re.sub(r"[^\w ./;()-]", "", user_agent)[:60]
