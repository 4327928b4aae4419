"""A member's own time zone and language; the cookie of browsers that are known; limits; pages that are not found."""

import math

from allauth.core.ratelimit import respond_429
from django.core.handlers.exception import response_for_exception
from django.http import Http404
from django.utils import timezone, translation

from accounts import devices, rate_limits
from accounts.locale import language_of, zone_of


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
