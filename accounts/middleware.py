"""A member's own time zone and language; the cookie of browsers that are known; pages that are not found."""

from zoneinfo import ZoneInfo

from django.core.handlers.exception import response_for_exception
from django.http import Http404
from django.utils import timezone, translation

from accounts import devices


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
    if member.time_zone:
        timezone.activate(ZoneInfo(member.time_zone))
    if member.language:
        translation.activate(member.language)
        request.LANGUAGE_CODE = member.language


class DeviceMiddleware:
    """Sets the cookie by which a browser is known again, after a log-in."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if hasattr(request, "known_people"):
            devices.set_cookie(request, response)
        return response


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
