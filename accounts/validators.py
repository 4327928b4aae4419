from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MinLengthValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

# Names that would read as a part of the site, or as someone who speaks for it.
RESERVED_USERNAMES = frozenset(
    [
        "about",
        "abuse",
        "account",
        "accounts",
        "admin",
        "administrator",
        "all",
        "api",
        "everyone",
        "explore",
        "feed",
        "follow",
        "followers",
        "following",
        "guest",
        "healthz",
        "help",
        "here",
        "home",
        "info",
        "livez",
        "login",
        "logout",
        "mail",
        "me",
        "mod",
        "moderator",
        "moderators",
        "news",
        "nobody",
        "null",
        "official",
        "owner",
        "people",
        "post",
        "posts",
        "postmaster",
        "privacy",
        "root",
        "rules",
        "search",
        "security",
        "self",
        "settings",
        "signin",
        "signup",
        "site",
        "socializer",
        "staff",
        "static",
        "support",
        "sysadmin",
        "system",
        "team",
        "terms",
        "undefined",
        "unfollow",
        "user",
        "users",
        "webmaster",
        "you",
    ]
)


def validate_not_reserved(username):
    """Raises ValidationError for a name that belongs to the site."""
    if username.lower() in RESERVED_USERNAMES:
        raise ValidationError(_("That name is reserved. Try another."), code="reserved")


# For the model and, through a setting of allauth's, for the sign-up page; typed in any case.
username_validators = [
    MinLengthValidator(3),
    MaxLengthValidator(40),
    RegexValidator(r"\A[A-Za-z0-9_]*\Z", _("Use only letters a to z, digits and underscores.")),
    validate_not_reserved,
]


@cache
def time_zones():
    """The names of all time zones that people choose from, in order: places, without historic aliases."""
    return sorted(
        name
        for name in available_timezones()
        if "/" in name and not name.startswith(("Etc/", "posix/", "right/", "SystemV/", "US/"))
    )


def validate_time_zone(name):
    """Raise ValidationError if there is no such time zone."""
    if name not in time_zones():
        raise ValidationError(_("Choose a time zone from the list."))
