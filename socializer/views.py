"""What answers when no page of an app does: errors, health, and what machines ask about the site.

None of it needs the database.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import lazy
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView
from health_check.views import HealthCheckView
from redis.exceptions import RedisError

from accounts import rate_limits
from accounts.middleware import speak_to
from socializer.typed import given_back


def error_page(status, request, name=None, **context):
    """Return the page for `status`, rendered without a session or a query. It gives back what was typed."""
    context |= given_back(request, status) if request.method == "POST" else {}
    return render_error(name or str(status), status, request, context)


def render_error(name, status, request, context=None):
    with readers_locale(request) as language:
        page = render_to_string(f"{name}.html", context)
    return HttpResponse(page, status=status, headers={"Content-Language": language})


@contextmanager
def readers_locale(request):
    """Speak as to a member if it is known already who asks, else as the browser wishes. Yields the language.

    No middleware has done it for an address that leads to no page, or where one of them refuses the request.
    """
    # As the authentication keeps it: this must not ask the database.
    member = getattr(request, "_cached_user", None)
    with translation.override(get_language_from_request(request)), timezone.override(None):
        if member is not None and member.is_authenticated:
            with suppress(Exception):  # An error page has no errors.
                speak_to(member, request)
        yield translation.get_language()


def bad_request(request, exception):
    return error_page(413 if isinstance(exception, RequestDataTooBig) else 400, request)


def forbidden(request, exception):
    return error_page(403, request)


@login_not_required
def csrf_failure(request, reason=""):
    if reason.startswith("Origin checking failed"):
        # Some other site sent it: nobody here has typed that.
        return render_error("403_csrf", 403, request)
    return error_page(403, request, "403_csrf")


def not_found(request, exception):
    return error_page(404, request)


def too_many_requests(request, exception=None):
    wait = getattr(request, "rate_limit_wait", None)
    # Lazy, as the language is chosen where the page is rendered.
    message = wait and lazy(rate_limits.wait_message, str)(wait)
    return error_page(429, request, wait_message=message)


def server_error(request):
    """500, or 503 where the database or the cache is what failed, whatever it says."""
    return error_page(503 if is_outage(sys.exc_info()[1]) else 500, request)


def is_outage(error):
    """Whether it comes from the database or from Redis. Django does not translate all errors of the database's driver."""
    return isinstance(error, DatabaseError | connection.Database.Error | RedisError)


def page(name):
    """Return a view of the template of that name, about the site itself and open to everyone."""
    return login_not_required(TemplateView.as_view(template_name=f"socializer/{name}.html"))


@login_not_required
@require_safe
def robots(request):
    """What search engines should leave alone: pages for members, and every page of a list but the first."""
    closed = ("/users/", "/admin/", "/posts/add/", "/feeds/", "/*?")
    rules = "".join(f"Disallow: {path}\n" for path in closed)
    text = f"User-agent: *\n{rules}\nSitemap: {settings.SITE_URL}{reverse('sitemap')}\n"
    return HttpResponse(text, content_type="text/plain")


@login_not_required
@require_safe
def favicon(request):
    """Browsers ask here for the icon of pages that name none, as the admin's."""
    return HttpResponseRedirect(static("socializer/icon.svg"))


@login_not_required
@require_safe
def manifest(request):
    """What a device needs to know to put the site among its apps."""
    icons = [
        ("icon.svg", "any", "any"),
        ("icon-192.png", "192x192", "any"),
        ("icon-512.png", "512x512", "any"),
        ("icon-maskable-512.png", "512x512", "maskable"),
    ]
    content = {
        "name": settings.SITE_NAME,
        "short_name": settings.SITE_NAME,
        "description": _("The posts of the people you follow, newest first."),
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#fbf8f3",
        "theme_color": "#fbf8f3",
        "icons": [
            {"src": static(f"socializer/{name}"), "sizes": sizes, "purpose": purpose}
            for name, sizes, purpose in icons
        ],
    }
    return JsonResponse(content, content_type="application/manifest+json")


@login_not_required
@require_safe
def livez(request):
    """The process answers. Says nothing about the database on purpose: a restart would not mend it."""
    return HttpResponse("ok\n", content_type="text/plain")


livez.needs_no_database = True


class ContextThreads(ThreadPoolExecutor):
    """Threads in which the request's deadline holds, too."""

    def submit(self, function, /, *args, **kwargs):
        return super().submit(copy_context().run, function, *args, **kwargs)


class HealthView(HealthCheckView):
    """Whether the site can work, by parts; 500 if not. `?format=json` and others are understood."""

    checks = (
        "health_check.checks.Database",
        "health_check.checks.Cache",
        "socializer.health.DatabaseWrites",
        "socializer.health.Jobs",
        "socializer.health.Mail",
        "socializer.health.MailServer",
        "socializer.health.Pictures",
        "socializer.health.TimelineRedis",
    )

    @contextmanager
    def get_executor(self):
        threads = ContextThreads(len(self.checks))
        try:
            yield threads
        finally:
            # A check that hangs must not keep the answer.
            threads.shutdown(wait=False)

    def render_to_response(self, *args, **kwargs):
        # For operators, in the language of the logs and the commands.
        with translation.override("en"):
            return super().render_to_response(*args, **kwargs).render()
