from functools import reduce
from operator import or_

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import flatten_fieldsets
from django.db import transaction
from django.db.models import Q
from django.db.models.constants import LOOKUP_SEP
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from accounts.admin.paginator import COUNTED, BoundedPaginator
from accounts.models import User
from accounts.text_fields import FreeTextFormField


class ReasonForm(forms.Form):
    reason = FreeTextFormField(
        label=_("Why"), characters=500, widget=forms.Textarea(attrs={"rows": 3, "cols": 60})
    )


class LongListMixin:
    """For lists, however long they are, and with actions."""

    paginator = BoundedPaginator
    show_full_result_count = False

    def response_action(self, request, queryset):
        if request.POST.get("select_across") == "1" and queryset[COUNTED : COUNTED + 1]:
            words = _("Those are too many to change at once. Search for some of them.")
            self.message_user(request, words, messages.ERROR)
            return None
        return super().response_action(request, queryset)


class ShownLookupsMixin:
    """Lets the address of a list filter by what this person is shown, and by nothing else.

    Otherwise `?email__startswith=a` would tell, letter by letter, what a page leaves out.
    """

    def lookup_allowed(self, lookup, value, request):
        name = lookup.partition(LOOKUP_SEP)[0]
        return name in self.shown_names(request) and super().lookup_allowed(lookup, value, request)

    def shown_names(self, request):
        """The names of what the list, its filters and the page of one row show."""
        filters = map(_filter_name, self.get_list_filter(request))
        return {*self.get_list_display(request), *filters, *flatten_fieldsets(self.get_fieldsets(request))}


def _filter_name(list_filter):
    """The first part of the parameter that a filter adds to the address of a list."""
    if isinstance(list_filter, tuple):
        list_filter = list_filter[0]
    return getattr(list_filter, "parameter_name", list_filter).partition(LOOKUP_SEP)[0]


class ReasonMixin(LongListMixin):
    """For admin actions that ask for a reason first, on a page between."""

    def with_reason(self, request, queryset, title, act):
        """Show the page that asks; once it is answered, call `act(reason)` with what was said, in one transaction.

        What `act` returns, a sentence, is shown after the transaction: only then is it true.
        """
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            with transaction.atomic():
                outcome = act(form.cleaned_data["reason"])
            self.message_user(request, outcome)
            return None
        context = self.admin_site.each_context(request) | {
            "title": title,
            "form": form,
            "targets": queryset[:100],
            "total": queryset.count(),
            "action": request.POST["action"],
            "select_across": request.POST.get("select_across", "0"),
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "admin/moderation_reason.html", context)


class ReadOnlyAdmin(LongListMixin, ShownLookupsMixin, admin.ModelAdmin):
    """For looking, not for changing: what changes these rows publishes events, and the admin would not."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class SearchByMemberMixin:
    """For lists of what concerns members: they are found by a member's whole username."""

    # The foreign keys to members.
    members = ()
    # Django shows the field only if there are some.
    search_fields = ["pk"]
    search_help_text = _("A whole username, such as @ada.")

    def get_search_results(self, request, queryset, search_term):
        name = search_term.strip().removeprefix("@").lower().replace("\0", "")
        if not name:
            return queryset, False
        people = User.objects.filter(username=name)
        return queryset.filter(
            reduce(or_, (Q(**{f"{member}__in": people}) for member in self.members))
        ), False
