"""The deadline of a request, headers for browsers and caches, and the 405 page."""

from django.conf import settings
from django.middleware.locale import LocaleMiddleware
from django.utils.cache import patch_vary_headers

from accounts.common import deadlines
from socializer.views import readers_locale, render_page

# How many seconds a request may wait for the database. A new connection may take two more, so the response arrives within
# ten.
REQUEST_SECONDS = 8
# The Retry-After header of a 503 response, in seconds.
RETRY_AFTER = 10


class DeadlineMiddleware:
    """Limits how long a request waits for the database, and adds a Retry-After header to 503 responses."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with deadlines.limit(REQUEST_SECONDS):
            response = self.get_response(request)
        if response.status_code == 503:
            response.headers.setdefault("Retry-After", str(RETRY_AFTER))
        return response


class PolicyMiddleware:
    """Adds CONTENT_SECURITY_POLICY and PERMISSIONS_POLICY, unless a response already has them."""

    def __init__(self, get_response):
        self.get_response = get_response
        directives = settings.CONTENT_SECURITY_POLICY.items()
        self.policies = {
            "Content-Security-Policy": "; ".join(" ".join([name, *sources]) for name, sources in directives),
            "Permissions-Policy": ", ".join(f"{feature}=()" for feature in settings.PERMISSIONS_POLICY),
        }

    def __call__(self, request):
        response = self.get_response(request)
        # Django's error pages for developers contain inline styles and scripts.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            for header, policy in self.policies.items():
                response.headers.setdefault(header, policy)
        return response


class LanguageMiddleware(LocaleMiddleware):
    """Uses the language from the visitor's cookie or browser, and adds the Vary header for caches."""

    def process_response(self, request, response):
        response = super().process_response(request, response)
        # Django adds only Accept-Language, although it also reads the cookie.
        patch_vary_headers(response, ["Cookie"])
        return response


class MethodNotAllowedPageMiddleware:
    """Adds the site's error page to the empty 405 responses of Django's views."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code == 405 and not response.streaming and not response.content:
            with readers_locale(request):
                response.content = render_page("405", 405, request)
            # CommonMiddleware has stored the length of the empty response.
            response.headers["Content-Length"] = str(len(response.content))
        return response
