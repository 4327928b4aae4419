"""Error pages, health checks, and the files that browsers and search engines request.

Most of these views don't use the database. Error pages don't need it, and show more if it works.
"""

import logging
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
from django.urls import get_script_prefix, reverse
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.utils.functional import lazy
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView
from health_check.views import HealthCheckView
from redis.exceptions import RedisError

from accounts.common.app_settings import app_settings
from accounts.joining.access import pending_too
from accounts.middleware import use_locale_of
from accounts.moderation.models import Rule
from accounts.security import rate_limits
from socializer.submitted_text import recover_submitted_text

logger = logging.getLogger(__name__)

# The statuses of pages that the site shows while it works. The others say that it doesn't.
FRAMED = (400, 403, 404, 405, 413, 429)


def error_page(status, request, name=None, **context):
    """Return the page for `status`, with the text that was submitted. This needs no session and no query."""
    context |= recover_submitted_text(request, status) if request.method == "POST" else {}
    return render_error(name or str(status), status, request, context)


def render_error(name, status, request, context=None):
    with readers_locale(request) as language:
        page = render_page(name, status, request, context)
    return HttpResponse(page, status=status, headers={"Content-Language": language})


def render_page(name, status, request, context=None):
    """Return the HTML of an error page, with the site's header and navigation if the site itself works.

    They need the user, who is loaded before any view. If that or anything else fails, the page has nothing but its text.
    """
    if status in FRAMED and getattr(request, "_cached_user", None) is not None:
        try:
            framed = (context or {}) | {"frame": app_settings.BASE_TEMPLATE}
            return render_to_string(f"{name}.html", framed, request)
        except Exception:  # Error pages must not fail.
            logger.warning("An error page is shown without the site's header", exc_info=True)
    return render_to_string(f"{name}.html", context)


@contextmanager
def readers_locale(request):
    """Use the member's language and time zone if they are already loaded, or else the browser's language. Yields the language.

    The middleware that usually does this doesn't run for unknown URLs or if other middleware rejects the request.
    """
    # Django caches the user in this attribute. Reading it doesn't query the database.
    member = getattr(request, "_cached_user", None)
    with translation.override(get_language_from_request(request)), timezone.override(None):
        if member is not None and member.is_authenticated:
            with suppress(Exception):  # Error pages must not fail.
                use_locale_of(member, request)
        yield translation.get_language()


def bad_request(request, exception):
    return error_page(413 if isinstance(exception, RequestDataTooBig) else 400, request)


def forbidden(request, exception):
    return error_page(403, request)


@login_not_required
def csrf_failure(request, reason=""):
    if reason.startswith("Origin checking failed"):
        # Another site sent the request, so don't show its text as the member's.
        return render_error("403_csrf", 403, request)
    return error_page(403, request, "403_csrf")


def not_found(request, exception):
    return error_page(404, request)


def too_many_requests(request, exception=None):
    wait = getattr(request, "rate_limit_wait", None)
    # These texts are lazy because the language is set when the page is rendered.
    message = wait and lazy(rate_limits.wait_message, str)(wait)
    return error_page(429, request, wait_message=message)


def server_error(request):
    """Respond with 503 if the database or the cache has failed, and otherwise with 500."""
    return error_page(503 if is_outage(sys.exc_info()[1]) else 500, request)


def is_outage(error):
    """Return whether the error comes from the database or Redis. Django doesn't wrap all errors of database drivers."""
    return isinstance(error, DatabaseError | connection.Database.Error | RedisError)


def open_to_all(view):
    """Return `view`, open to visitors and to people who wait for approval. It shows nothing of members."""
    return login_not_required(pending_too(view))


def page(name):
    """Return a public view of a template about the site."""
    return open_to_all(TemplateView.as_view(template_name=f"socializer/{name}.html"))


@method_decorator(open_to_all, name="dispatch")
class RulesView(TemplateView):
    """The site's rules. The template has those of a site that has stored none."""

    template_name = "socializer/rules.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(rules=list(Rule.objects.in_force()), **kwargs)


@open_to_all
@require_safe
def robots(request):
    """Exclude the pages for members, and all but the first page of each list, from search engines."""
    closed = ("users/", "admin/", "posts/add/", "feeds/", "*?")
    rules = "".join(f"Disallow: {get_script_prefix()}{path}\n" for path in closed)
    text = f"User-agent: *\n{rules}\nSitemap: {settings.SITE_URL}{reverse('sitemap')}\n"
    return HttpResponse(text, content_type="text/plain")


@open_to_all
@require_safe
def favicon(request):
    """Redirect to the icon. Browsers request this address for pages without an icon link, such as the admin."""
    return HttpResponseRedirect(static("accounts/icon.svg"))


@open_to_all
@require_safe
def manifest(request):
    """Describe the site for devices that install it as an app."""
    home = reverse("posts:home")
    icons = [
        ("icon.svg", "any", "any"),
        ("icon-192.png", "192x192", "any"),
        ("icon-512.png", "512x512", "any"),
        ("icon-maskable-512.png", "512x512", "maskable"),
    ]
    content = {
        "name": settings.SITE_NAME,
        "short_name": settings.SITE_NAME,
        "description": _("Posts from people you follow, newest first."),
        "id": home,
        "start_url": home,
        "scope": home,
        "display": "standalone",
        "background_color": "#fbf8f3",
        "theme_color": "#fbf8f3",
        "icons": [
            {"src": static(f"accounts/{name}"), "sizes": sizes, "purpose": purpose}
            for name, sizes, purpose in icons
        ],
    }
    return JsonResponse(content, content_type="application/manifest+json")


@login_not_required
@require_safe
def livez(request):
    """Show that the process responds. This doesn't check the database, because restarting the process wouldn't fix it."""
    return HttpResponse("ok\n", content_type="text/plain")


livez.needs_no_database = True


class ContextThreads(ThreadPoolExecutor):
    """Threads that observe the request's deadline."""

    def submit(self, function, /, *args, **kwargs):
        return super().submit(copy_context().run, function, *args, **kwargs)


class HealthView(HealthCheckView):
    """The health of each part of the site. The status is 500 if any part fails. Supports `?format=json` and other formats."""

    checks = (
        "health_check.checks.Database",
        "health_check.checks.Cache",
        "socializer.health.DatabaseWrites",
        "socializer.health.Clocks",
        "socializer.health.Jobs",
        "socializer.health.Mail",
        "socializer.health.MailServer",
        "socializer.health.Outbox",
        "socializer.health.Pictures",
        "socializer.health.TimelineRedis",
    )

    @contextmanager
    def get_executor(self):
        threads = ContextThreads(len(self.checks))
        try:
            yield threads
        finally:
            # Don't wait for checks that hang.
            threads.shutdown(wait=False)

    def render_to_response(self, *args, **kwargs):
        # This page is for operators, so it is in English, like logs and commands.
        with translation.override("en"):
            return super().render_to_response(*args, **kwargs).render()
