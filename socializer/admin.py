import logging
from contextlib import nullcontext
from functools import wraps

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.options import TO_FIELD_VAR
from django.contrib.admin.views.main import ERROR_FLAG, SEARCH_VAR
from django.core.exceptions import BadRequest, FieldDoesNotExist, FieldError, ValidationError
from django.db import DataError, connection, transaction
from django.db.models.constants import LOOKUP_SEP
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)

# What Django, drivers and databases raise for values that a lookup can't read, or a column or a date can't hold.
UNUSABLE_VALUE = (
    DataError,
    FieldDoesNotExist,
    FieldError,
    ValidationError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
)
# A pattern can keep the database busy for hours, and a query string has no way to write the two ends of a range.
REFUSED_LOOKUPS = {"regex", "iregex", "range"}
# Each word of a search becomes a condition, and SQLite refuses to nest a thousand.
LONGEST_SEARCH = 500


class SocializerAdminSite(AdminSite):
    """The admin, reached by the site's own log-in and, where ADMIN_SECOND_FACTOR says so, with a second factor."""

    site_title = site_header = settings.SITE_NAME

    def has_permission(self, request):
        # Whoever has a second factor was asked for it at log-in.
        return super().has_permission(request) and self.has_factor(request.user)

    def has_factor(self, user):
        return not settings.ADMIN_SECOND_FACTOR or is_mfa_enabled(user)

    def login(self, request, extra_context=None):
        user = request.user
        if user.is_staff and user.is_active and not self.has_factor(user):
            messages.info(request, _("The admin asks for a second factor. Set one up, then come back."))
            return redirect("mfa_index")
        # The admin's own log-in knows neither rate limits nor second factors.
        return secure_admin_login(super().login)(request, extra_context)

    def admin_view(self, view, cacheable=False):
        return super().admin_view(answers_odd_requests(view), cacheable)


def answers_odd_requests(view):
    """Make a view of the admin, ours or a library's, answer what it can't use instead of failing.

    Django checks values in forms, but not those of an address, which go into queries as they are.
    """

    @wraps(view)
    def inner(request, *args, **kwargs):
        refuse_impossible_queries(request)
        if ERROR_FLAG in request.GET and len(request.GET) > 1:
            # Django takes wrong filters beside this flag for a broken database.
            request.GET = request.GET.copy()
            del request.GET[ERROR_FLAG]
        response = answer(view, request, *args, **kwargs)
        if getattr(response, "url", "").endswith(f"?{ERROR_FLAG}=1"):
            messages.warning(request, _("The list can't be filtered like that, so all of it is shown."))
        return response

    return inner


def answer(view, request, *args, **kwargs):
    try:
        with undone_alone(request):
            response = view(request, *args, **kwargs)
            # Templates run queries, too.
            return response.render() if hasattr(response, "render") else response
    except UNUSABLE_VALUE as error:
        if not (request.POST or args or kwargs or request.GET.keys() - {ERROR_FLAG}):
            raise  # Nothing was asked for, so the fault is ours.
        logger.warning("The admin can't use a value of this request", exc_info=True)
        return answer_unusable(request, kwargs, error)
    except AttributeError as error:
        # Django takes the name of a relation from the other side for a field.
        if TO_FIELD_VAR not in request.GET and TO_FIELD_VAR not in request.POST:
            raise
        raise BadRequest("That is no field to refer to.") from error


def undone_alone(request):
    """Where all of a request is one transaction, a change that fails must not spoil the answer."""
    nested = request.method == "POST" and connection.in_atomic_block
    return transaction.atomic() if nested else nullcontext()


def refuse_impossible_queries(request):
    """Raise BadRequest for what the database would refuse, or be kept busy by."""
    searched = [*request.GET.getlist(SEARCH_VAR), *request.GET.getlist("term")]
    if any(len(words) > LONGEST_SEARCH for words in searched):
        raise BadRequest("The search is too long.")
    if any(REFUSED_LOOKUPS & set(key.split(LOOKUP_SEP)) for key in request.GET):
        raise BadRequest("The admin has no such filter.")


def answer_unusable(request, kwargs, error):
    """Leave the filters out of a list, as Django does with those it refuses. Raises Http404 or BadRequest for the rest."""
    name = request.resolver_match.url_name or ""
    if request.method == "GET" and name.endswith("_changelist"):
        return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
    if kwargs:
        raise Http404 from error
    raise BadRequest("A value of this request can't be used.") from error
