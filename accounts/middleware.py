"""A member's own time zone and language; the cookie of known browsers; limits; conflicts in the database; pages that are not found."""

import logging
import math

from allauth.core.ratelimit import respond_429
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.core.handlers.exception import response_for_exception
from django.db import connection, transaction
from django.http import Http404, HttpResponse
from django.utils import timezone, translation

from accounts import devices, rate_limits
from accounts.database_errors import AccountGone, is_worth_another_attempt
from accounts.locale import language_of, zone_of
from accounts.models import RateLimitCounter
from accounts.transactions import restore, state_of

logger = logging.getLogger(__name__)


class MemberMiddleware:
    """Shows pages in the time zone and the language that a member has chosen. Stands behind the authentication."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()

    def process_view(self, request, view, args, kwargs):
        # A page that must answer without a database asks nobody who they are.
        if getattr(view, "needs_no_database", False) or not request.user.is_authenticated:
            return
        speak_to(request.user, request)


def speak_to(member, request):
    """Answer this request in the time zone and the language that `member` has chosen."""
    timezone.activate(zone_of(member))
    if language := language_of(member):
        translation.activate(language)
        request.LANGUAGE_CODE = language


class DeviceMiddleware:
    """Sets the cookie by which a browser is known again, after a log-in."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if hasattr(request, "known_people"):
            devices.set_cookie(request, response)
        return response


class RateLimitMiddleware:
    """Answers with 429, and says when to try again, where a rate limit refused the request.

    A form that explains the refusal keeps its page.
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
    """Lets a page that finds nothing say so, whichever it is. Stands before allauth's middleware.

    That takes the address above its own pages for one where nothing is, and sends whoever gets a 404 there on to
    "Change email". But the people directory is there.
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
    """Answers a request once more if the database made it give way to another one, or another one was faster.

    That is, after a deadlock, a serialization failure or a violated constraint. Comes last, so that the view starts afresh
    with the request as the other middleware left it. If anything was committed before, it stays with one attempt, unless it is
    the member who is gone: the second attempt is a visitor's.
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
        """Return a response that nobody sees if the request can be tried again."""
        gone = isinstance(exception, AccountGone)
        again = gone or (is_worth_another_attempt(exception) and not request.commits.any)
        if request.state_before is None or not again:
            return None
        request.conflict = exception
        return HttpResponse(status=503)


class Commits:
    """Whether anything was stored for good while it watched. Counters of limits don't count: every attempt may."""

    any = False
    READING = ("SELECT", "WITH", "SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "SET", "PRAGMA")

    def watched(self):
        return connection.execute_wrapper(self._execute)

    def _execute(self, execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if not sql.lstrip().startswith(self.READING) and RateLimitCounter._meta.db_table not in sql:
            transaction.on_commit(self._note)
        return result

    def _note(self):
        self.any = True
