from functools import partial

from django.conf import settings
from django.db import Error as DatabaseError
from django.urls import get_script_prefix, get_urlconf
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from accounts.common.app_settings import app_settings
from accounts.common.links import home_path, rules_path
from accounts.common.local_cache import LocalCache
from accounts.models import SiteSettings
from accounts.site_access import is_closed_to

home_urls = LocalCache(100)


def site(request):
    """Add the name, URL and contact address of the site, its home page, who can sign up and the template that pages extend."""
    return {
        "site_name": app_settings.SITE_NAME,
        "site_url": app_settings.SITE_URL,
        "contact_email": app_settings.CONTACT_EMAIL,
        # Lazy, because pages of the project, which may have other URLs, get these variables, too.
        "home_url": SimpleLazyObject(home_url),
        "rules_url": SimpleLazyObject(rules_path),
        "base_template": app_settings.BASE_TEMPLATE,
        # A function, because it takes a query for visitors, and caches of parts of pages must not keep the request.
        "is_closed": partial(hides_members, request),
        "signup_mode": partial(signup_mode, request),
    }


def hides_members(request):
    """Return whether links to members' pages are of no use to a visitor. Without a database, they aren't."""
    if not hasattr(request, "hides_members"):
        try:
            request.hides_members = hasattr(request, "user") and is_closed_to(request)
        except DatabaseError:
            request.hides_members = True
    return request.hides_members


def signup_mode(request):
    """Return who can sign up, for pages of visitors, or an empty string for a member or without a database."""
    user = getattr(request, "user", None)
    if user is None or user.is_authenticated:
        return ""
    try:
        return SiteSettings.of(request).signup_mode
    except DatabaseError:
        return ""


def home_url():
    """Return the path of HOME_URL."""
    name = app_settings.HOME_URL
    key = (name, get_urlconf() or settings.ROOT_URLCONF, get_script_prefix(), get_language())
    return home_urls.get(key) or home_urls.keep(key, home_path())
