from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MinLengthValidator, RegexValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.text import CODE_POINTS, count_characters

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


class MaxCharacters:
    """Raises ValidationError for a text with more than `limit` characters as people count them.

    It does so, too, for one with far more code points than so many characters need: columns have room for CODE_POINTS
    times the limit.
    """

    def __init__(self, limit):
        self.limit = limit

    def __eq__(self, other):
        return type(self) is type(other) and self.limit == other.limit

    def __hash__(self):
        return hash(self.limit)

    def __call__(self, text):
        if len(text) > self.limit * CODE_POINTS:
            raise ValidationError(
                _("This text is too long, or has too many marks and joined emoji. Shorten it."),
                code="too_long",
            )
        surplus = count_characters(text) - self.limit
        if surplus > 0:
            raise ValidationError(
                self.message(surplus), code="too_long", params={"limit": self.limit, "surplus": surplus}
            )

    def message(self, surplus):
        return ngettext(
            "Use at most %(limit)d characters. Take out %(surplus)d.",
            "Use at most %(limit)d characters. Take out %(surplus)d.",
            surplus,
        )
