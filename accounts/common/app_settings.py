"""Settings of this app, with their defaults. docs/reuse.md explains them; accounts/checks.py checks their values."""

from urllib.parse import urlsplit

from django.conf import settings


class AppSettings:
    """The settings of an app. Each attribute is the project's setting of that name, or the default if there is none."""

    def __init__(self, **defaults):
        self.defaults = defaults

    def __getattr__(self, name):
        try:
            default = self.defaults[name]
        except KeyError:
            raise AttributeError(f"There is no setting {name}.") from None
        return getattr(settings, name, default)


app_settings = AppSettings(
    SITE_NAME="Socializer",
    # The scheme, host and port of the site, without a path. Emails and feeds link to it.
    SITE_URL="http://localhost:8000",
    CONTACT_EMAIL="",
    # The usernames of people whom new members are invited to follow, before other active people.
    SUGGESTED_PEOPLE=[],
    # The page that the site's name leads to: the name of a URL, or a path.
    HOME_URL="accounts:index",
    # The page with the rules, or None: the name of a URL, or a path.
    RULES_URL=None,
    # The template that the pages extend.
    BASE_TEMPLATE="accounts/base.html",
    # First values of SiteSettings, which administrators change in the admin.
    SIGNUP_MODE="open",
    SIGNUPS_PER_HOUR=20,
    INVITATIONS_PER_MEMBER=0,
    REFUSED_EMAIL_DOMAINS=[],
    NEW_ACCOUNT_HOURS=24,
    MEMBERS_ONLY=False,
    ADMIN_REQUIRES_MFA=False,
    # One-to-one relations of the user that are loaded with the member of a request.
    USER_SELECT_RELATED=[],
    # Rate limits: a number and a time in seconds.
    SIGNUP_LIMIT=(5, 3600),
    FOLLOW_LIMIT=(300, 600),
    BLOCK_LIMIT=(200, 3600),
    REPORT_LIMIT=(50, 86400),
    PROFILE_LIMIT=(60, 3600),
    PICTURE_MAX_BYTES=5 * 1024 * 1024,
    # Most cameras produce fewer. If parts are transparent, processing takes up to ten bytes of memory per pixel.
    PICTURE_MAX_PIXELS=50_000_000,
)


def is_on_this_machine():
    """Return whether SITE_URL is an address of this machine. Seeded users have a known password only on such a site."""
    return urlsplit(app_settings.SITE_URL).hostname in ("localhost", "127.0.0.1", "::1")
