"""The site with one more page, which shows the minimum cost of a member's request.

That page is a view that uses Django's own session and authentication, and none of our code. The minimum therefore doesn't
change if we make our own sessions faster.
"""

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import get_internal_wsgi_application
from django.http import HttpResponse
from django.test.utils import override_settings

STOCK_PATH = "/benchmark/stock/"
STOCK_BACKEND = "django.contrib.auth.backends.ModelBackend"
STOCK_SETTINGS = {
    "MIDDLEWARE": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    "SESSION_ENGINE": "django.contrib.sessions.backends.db",
}


class StockHandler(WSGIHandler):
    """Django with two of its own middlewares and one view for every path."""

    def load_middleware(self, is_async=False):
        with override_settings(**STOCK_SETTINGS):
            super().load_middleware(is_async)

    def resolve_request(self, request):
        return greet, (), {}


def greet(request):
    """Greet a member. This loads their session and their row, as every page does."""
    return HttpResponse(f"Hello {request.user.pk}", content_type="text/plain")


django.setup()
site = get_internal_wsgi_application()  # The application that WSGI_APPLICATION names.
settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, STOCK_BACKEND]
stock = StockHandler()


def application(environ, start_response):
    return (stock if environ["PATH_INFO"] == STOCK_PATH else site)(environ, start_response)
