"""How long a request may take, headers that no library sends, and pages where Django has none."""

from django.middleware.locale import LocaleMiddleware
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from accounts import deadlines
from socializer.views import readers_locale

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
