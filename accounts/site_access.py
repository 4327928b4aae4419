"""Which pages are open to visitors, and to members who haven't accepted the new rules yet.

Pages are private unless marked. Mark a page that shows members, or what they write, with `open_unless_members_only`, and any other
page for visitors with Django's `login_not_required`. Members who haven't accepted the new rules can open only the latter, and
pages marked with `open_before_acceptance`.
"""

from functools import wraps
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django_htmx.http import HttpResponseClientRedirect

from accounts.common.links import home_path
from accounts.models import SiteSettings


def is_closed_to(request):
    """Return whether a visitor or someone who waits for approval sent the request, and the site is for members only.

    Takes no query for members.
    """
    is_member = request.user.is_authenticated and not request.user.is_pending
    return not is_member and SiteSettings.of(request).members_only


def open_unless_members_only(view):
    """Decorate a view that visitors may open, unless the site is for members only.

    On such a site, they are led to the login before the view looks for anything, so the response says nothing about what exists.
    """

    @login_not_required
    @wraps(view)
    def gated(request, *args, **kwargs):
        if is_closed_to(request):
            return login_response(request)
        return control_caches(request, view(request, *args, **kwargs))

    gated.shows_members = True
    return gated


def login_response(request):
    """Return a redirect to the login, which leads back to this page if it can be opened again."""
    login = redirect_to_login(path_back(request))
    response = HttpResponseClientRedirect(login.url) if is_htmx(request) else login
    patch_cache_control(response, no_store=True)
    return response


def control_caches(request, response):
    """Let caches ask each time before they show a page to a visitor, because the site may have been closed meanwhile."""
    if "Cache-Control" not in response.headers:
        private = {"private": True} if request.user.is_authenticated else {}
        patch_cache_control(response, no_cache=True, **private)
    return response


def open_before_acceptance(view):
    """Decorate a private view that is open to members who haven't accepted the new rules."""
    view.before_acceptance = True
    return view


def is_open_before_acceptance(view):
    """Return whether members who haven't accepted the new rules may open this view."""
    is_about_site = not getattr(view, "login_required", True) and not getattr(view, "shows_members", False)
    return is_about_site or getattr(view, "before_acceptance", False)


def must_accept_rules(member):
    """Return whether `member`, the user of a request, hasn't accepted the rules since new ones were announced."""
    # Loaded with the member. Visitors and rows from other queries don't have it.
    announced = getattr(member, "rules_announced_on", None)
    # People who wait for approval can't open the rules' page. They accept the rules afterwards.
    if announced is None or member.is_pending:
        return False
    return member.rules_accepted_on is None or member.rules_accepted_on < announced


def acceptance_response(request, path=None):
    """Return a redirect to the page with the new rules, which leads on to `path` or back to this page."""
    url = f"{reverse('accounts:accept-rules')}?{urlencode({'next': path or path_back(request)})}"
    return HttpResponseClientRedirect(url) if is_htmx(request) else HttpResponseRedirect(url)


def path_back(request):
    """Return the path of this page or, if it can't be opened with GET, of the home page."""
    return request.get_full_path() if request.method in ("GET", "HEAD") else home_path()


def is_htmx(request):
    return "HX-Request" in request.headers
