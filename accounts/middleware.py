"""Middleware for members' locale, people who wait for approval, new rules, known browsers, rate limits, missing pages and conflicts."""

import logging
import math

from allauth.core.ratelimit import respond_429
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.core.handlers.exception import response_for_exception
from django.db import connection, transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone, translation

from accounts.common.database_errors import AccountGone, is_worth_another_attempt
from accounts.common.locale import language_of, zone_of
from accounts.common.transactions import restore, state_of
from accounts.joining.access import is_open_to_pending
from accounts.security import devices, rate_limits
from accounts.security.models import RateLimitCounter
from accounts.site_access import acceptance_response, is_open_before_acceptance, must_accept_rules

logger = logging.getLogger(__name__)


class MemberMiddleware:
    """Shows pages in the member's time zone and language. Put it after the authentication middleware."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        # Error pages about unknown URLs and refused forms also use the member's language, but no view loads the user for them.
        request.user.is_authenticated  # noqa: B018
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()

    def process_view(self, request, view, args, kwargs):
        # A page that must work without a database can't load the user.
        if getattr(view, "needs_no_database", False) or not request.user.is_authenticated:
            return
        use_locale_of(request.user, request)


def use_locale_of(member, request):
    """Use the time zone and the language of `member` for this request."""
    timezone.activate(zone_of(member))
    if language := language_of(member):
        translation.activate(language)
        request.LANGUAGE_CODE = language


class PendingMiddleware:
    """Leads people whose application isn't approved to it, from every page that isn't open to them: see accounts.joining.access.

    Put it after MemberMiddleware.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        # A page that must work without a database can't load the user.
        if getattr(view, "needs_no_database", False) or not request.user.is_authenticated:
            return None
        if not request.user.is_pending or is_open_to_pending(request, view):
            return None
        return redirect("accounts:application")


class AcceptanceMiddleware:
    """Leads members to the new rules until they have accepted them. Put it after MemberMiddleware."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if is_open_before_acceptance(view) or not must_accept_rules(request.user):
            return None
        return acceptance_response(request)


class DeviceMiddleware:
    """After a login, sets the cookie that identifies the browser."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if hasattr(request, "known_user_ids"):
            devices.set_cookie(request, response)
        return response


class RateLimitMiddleware:
    """Responds with 429, and says when to try again, if a request exceeded a rate limit.

    If a form already explains the error, its page is kept.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        wait = getattr(request, "rate_limit_wait", None)
        if wait is not None and response.status_code in (200, 429):
            response.status_code = 429
            response.headers["Retry-After"] = str(math.ceil(wait.total_seconds()))
        return response

    def process_exception(self, request, exception):
        if not isinstance(exception, rate_limits.RateLimitExceeded):
            return None
        rate_limits.refuse(request, exception.wait)
        return respond_429(request)


class NotFoundMiddleware:
    """Keeps the response of a page that raises Http404.

    Put it before allauth's middleware. allauth's middleware assumes that there is no page at the URL above its own pages, and
    redirects a 404 there to "Change email". On this site, that URL is the people directory.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        return getattr(request, "not_found_page", response)

    def process_exception(self, request, exception):
        if not isinstance(exception, Http404):
            return None
        request.not_found_page = response_for_exception(request, exception)
        return request.not_found_page


class ConflictMiddleware:
    """Repeats a request once after a conflict with another request.

    Conflicts are deadlocks, serialization failures and violated constraints. Put it last, so that the view gets the request as
    the other middleware left it. If anything was already committed, the request isn't repeated, unless the member has left: the
    second attempt is then made as a visitor.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.commits = Commits()
        with request.commits.watched():
            response = self.get_response(request)
            if not hasattr(request, "conflict"):
                return response
            logger.warning("Trying again after a conflict in the database", exc_info=request.conflict)
            restore(request, request.state_before)
            vars(request).pop("_cached_user", None)
            AuthenticationMiddleware(self.get_response).process_request(request)
            request.state_before = None
            return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if not hasattr(request, "state_before"):
            request.state_before = state_of(request)

    def process_exception(self, request, exception):
        """Return a placeholder response if the request can be tried again."""
        gone = isinstance(exception, AccountGone)
        again = gone or (is_worth_another_attempt(exception) and not request.commits.any)
        if request.state_before is None or not again:
            return None
        request.conflict = exception
        return HttpResponse(status=503)


class Commits:
    """Records whether anything was committed, except rate limit counters, which every attempt may change."""

    any = False
    READING = ("SELECT", "WITH", "SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "SET", "PRAGMA")

    def watched(self):
        return connection.execute_wrapper(self._execute)

    def _execute(self, execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if not sql.lstrip().startswith(self.READING) and RateLimitCounter._meta.db_table not in sql:
            transaction.on_commit(self._record)
        return result

    def _record(self):
        self.any = True
