"""An admin that uses the site's login page, and a function that finds admins that don't."""

import logging
from contextlib import nullcontext
from functools import wraps

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.options import TO_FIELD_VAR
from django.contrib.admin.views.main import ERROR_FLAG, SEARCH_VAR
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import BadRequest, FieldDoesNotExist, FieldError, ValidationError
from django.db import DataError, connection, transaction
from django.db.models.constants import LOOKUP_SEP
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLResolver, get_resolver, reverse
from django.utils.translation import gettext as _

from accounts.common.app_settings import app_settings
from accounts.common.installed import HAS_MFA
from accounts.common.links import home_path, is_on_this_site
from accounts.moderation import pages, permissions

if HAS_MFA:
    from allauth.mfa.utils import is_mfa_enabled

logger = logging.getLogger(__name__)

# Errors that Django, drivers and databases raise for values that lookups can't parse or that columns and dates can't store.
UNUSABLE_VALUE = (
    DataError,
    FieldDoesNotExist,
    FieldError,
    ValidationError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
)
# A regular expression can keep the database busy for hours. A query string can't express the two ends of a range.
REFUSED_LOOKUPS = {"regex", "iregex", "range"}
# Each word of a search becomes a condition, and SQLite can't nest a thousand of them.
LONGEST_SEARCH = 500


class SecureAdminSite(AdminSite):
    """The admin. It uses the site's login page and, depending on ADMIN_REQUIRES_MFA, requires two-step login.

    `accounts.apps.SecureAdminConfig` in INSTALLED_APPS makes it the default admin site. Without allauth.mfa, nobody meets that
    requirement.
    """

    site_title = site_header = app_settings.SITE_NAME

    @property
    def site_url(self):
        return home_path()

    def has_permission(self, request):
        # Members with two-step login have already completed the second step, when they logged in.
        return super().has_permission(request) and self.has_required_mfa(request.user)

    def has_required_mfa(self, user):
        return not app_settings.ADMIN_REQUIRES_MFA or (HAS_MFA and is_mfa_enabled(user))

    def login(self, request, extra_context=None):
        user = request.user
        if HAS_MFA and user.is_staff and user.is_active and not self.has_required_mfa(user):
            messages.info(request, _("The admin requires two-step login. Set it up, then come back."))
            return redirect("mfa_index")
        if request.method == "GET" and self.has_permission(request):
            return redirect(self.landing_url(request))
        index = reverse("admin:index", current_app=self.name)
        if not user.is_authenticated and request.GET.get(REDIRECT_FIELD_NAME, index) == index:
            # After login they come back here, and then land on their page.
            request.GET = request.GET.copy()
            request.GET[REDIRECT_FIELD_NAME] = request.path
        # The admin's own login page has no rate limits and no two-step login.
        return secure_admin_login(super().login)(request, extra_context)

    def landing_url(self, request):
        """Return the page that someone who logs in comes to. For moderators, that is their queue instead of the index."""
        index = reverse("admin:index", current_app=self.name)
        url = request.GET.get(REDIRECT_FIELD_NAME, "")
        if url != index and is_on_this_site(url):
            return url
        is_moderator = permissions.may_moderate(request.user) and not request.user.is_superuser
        return reverse("admin:moderation", current_app=self.name) if is_moderator else index

    def get_urls(self):
        return [*pages.urls(self), *super().get_urls()]

    def admin_view(self, view, cacheable=False):
        return super().admin_view(handles_unusable_values(view), cacheable)


def handles_unusable_values(view):
    """Wrap an admin view so that requests with unusable values don't cause a server error.

    Django validates values in forms, but passes values in URLs directly to queries.
    """

    @wraps(view)
    def inner(request, *args, **kwargs):
        refuse_harmful_queries(request)
        if ERROR_FLAG in request.GET and len(request.GET) > 1:
            # With this flag, Django reports a broken database when a filter is wrong.
            request.GET = request.GET.copy()
            del request.GET[ERROR_FLAG]
        response = respond(view, request, *args, **kwargs)
        if getattr(response, "url", "").endswith(f"?{ERROR_FLAG}=1"):
            messages.warning(request, _("That filter doesn't work here, so you see the whole list."))
        return response

    return inner


def respond(view, request, *args, **kwargs):
    try:
        with savepoint(request):
            response = view(request, *args, **kwargs)
            # Templates also run queries.
            return response.render() if hasattr(response, "render") else response
    except UNUSABLE_VALUE as error:
        if not (request.POST or args or kwargs or request.GET.keys() - {ERROR_FLAG}):
            raise  # The request had no values, so this is a bug in our code.
        logger.warning("The admin can't use a value of this request", exc_info=True)
        return reject_values(request, kwargs, error)
    except AttributeError as error:
        # Django treats the name of a reverse relation as a field.
        if TO_FIELD_VAR not in request.GET and TO_FIELD_VAR not in request.POST:
            raise
        raise BadRequest("There is no such field.") from error


def savepoint(request):
    """Return a context manager that undoes a failed change without breaking the request's transaction."""
    nested = request.method == "POST" and connection.in_atomic_block
    return transaction.atomic() if nested else nullcontext()


def refuse_harmful_queries(request):
    """Raise BadRequest for queries that the database would reject or that would take too long."""
    searches = [*request.GET.getlist(SEARCH_VAR), *request.GET.getlist("term")]
    if any(len(search) > LONGEST_SEARCH for search in searches):
        raise BadRequest("The search is too long.")
    if any(REFUSED_LOOKUPS & set(key.split(LOOKUP_SEP)) for key in request.GET):
        raise BadRequest("The admin has no such filter.")


def reject_values(request, kwargs, error):
    """Redirect to the list without filters, as Django does for invalid filters. Raise an exception for other pages."""
    name = request.resolver_match.url_name or ""
    if request.method == "GET" and name.endswith("_changelist"):
        return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
    if kwargs:
        raise Http404 from error
    raise BadRequest("A value of this request can't be used.") from error


# Functions that the same `def` statement creates share a code object.
SECURED_LOGIN = secure_admin_login(AdminSite.login).__code__


def unguarded_admins():
    """Return the paths, such as "/admin/", of admins in the root URLconf that have their own login page.

    Django's login page has no rate limits and no two-step login. An admin is guarded if it is a SecureAdminSite, or if its
    `login` is wrapped in allauth's `secure_admin_login`.
    """
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    return [path for path, admin in admins_in(get_resolver()) if not is_guarded(admin)]


def admins_without_mfa():
    """Return the paths of guarded admins in the root URLconf that can't require two-step login."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    return [
        path
        for path, admin in admins_in(get_resolver())
        if is_guarded(admin) and not (HAS_MFA and all(map(is_ours, logins_of(admin))))
    ]


def admins_in(resolver, prefix="/"):
    """Yield the path and the URLResolver of each admin below `resolver`, in the order of the URLconf."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            path = prefix + str(pattern.pattern).removeprefix("^")
            if pattern.app_name == "admin":
                yield path, pattern
            else:
                yield from admins_in(pattern, path)


def is_guarded(admin):
    """Return whether the login page of an admin, a URLResolver, is the site's."""
    return all(is_ours(login) or is_secured(login) for login in logins_of(admin))


def logins_of(admin):
    return [pattern.callback for pattern in admin.url_patterns if getattr(pattern, "name", "") == "login"]


def is_ours(login):
    return any(isinstance(getattr(view, "__self__", None), SecureAdminSite) for view in layers_of(login))


def is_secured(login):
    return any(getattr(view, "__code__", None) is SECURED_LOGIN for view in layers_of(login))


def layers_of(view):
    """Yield `view` and each view that its decorators wrap."""
    while view is not None:
        yield view
        view = getattr(view, "__wrapped__", None)
