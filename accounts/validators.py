import re

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MinLengthValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

# Names that could be mistaken for a part of the site or for someone who represents it.
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


def is_username(text):
    """Return whether `text` has the form of a stored username. It may be reserved, and nobody may have it."""
    return bool(re.fullmatch(r"[a-z0-9_]{3,40}", text))


def validate_not_reserved(username):
    """Raise ValidationError for a name in RESERVED_USERNAMES."""
    if username.lower() in RESERVED_USERNAMES:
        raise ValidationError(_("That name is reserved. Try another."), code="reserved")


# Used by the model and, through an allauth setting, by the sign-up form. They accept capital letters.
username_validators = [
    MinLengthValidator(3),
    MaxLengthValidator(40),
    RegexValidator(r"\A[A-Za-z0-9_]*\Z", _("Use only letters a to z, digits and underscores.")),
    validate_not_reserved,
]
