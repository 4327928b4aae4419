"""How long a request may take, what is tried again, headers that no library sends, and pages where Django has none."""

import logging

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.db import connection, transaction
from django.http import HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from accounts import deadlines
from accounts.database_errors import AccountGone, is_worth_another_attempt
from accounts.models import RateLimitCounter
from accounts.transactions import restore, state_of
from socializer.views import readers_locale

logger = logging.getLogger(__name__)

# How long a request may wait for the database. With the two seconds that a new connection may take, whatever is left,
# nobody waits for more than ten.
REQUEST_SECONDS = 8
# What a 503 tells clients to wait before they ask again, in seconds.
RETRY_AFTER = 10

POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


class DeadlineMiddleware:
    """Bounds how long a request waits for the database, and tells clients when to come back if it was in vain."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with deadlines.limit(REQUEST_SECONDS):
            response = self.get_response(request)
        if response.status_code == 503:
            response.headers.setdefault("Retry-After", str(RETRY_AFTER))
        return response


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


class PermissionsPolicyMiddleware:
    """Says on every answer that these pages use none of the device's sensors."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", POLICY)
        return response


class LanguageMiddleware(LocaleMiddleware):
    """Speaks the language chosen by cookie, or else the browser's, and keeps caches from mixing them up."""

    def process_response(self, request, response):
        response = super().process_response(request, response)
        # Django says that the answer depends on the browser's language, and forgets its own cookie.
        patch_vary_headers(response, ["Cookie"])
        return response


class MethodNotAllowedPageMiddleware:
    """Gives the 405 of Django's views, which is empty, the site's page."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code == 405 and not response.streaming and not response.content:
            with readers_locale(request):
                response.content = render_to_string("405.html")
        return response
