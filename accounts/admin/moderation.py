from functools import reduce
from operator import or_

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import Q
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from accounts.admin.paginator import COUNTED, BoundedPaginator
from accounts.models import User


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Why"), max_length=500, widget=forms.Textarea(attrs={"rows": 3, "cols": 60})
    )


class ChosenRowsMixin:
    """For lists, however long they are, and with actions."""

    paginator = BoundedPaginator
    show_full_result_count = False

    def response_action(self, request, queryset):
        """Do what was chosen, unless what it was chosen for are no keys at all: Django would crash on them."""
        keys = request.POST.getlist(ACTION_CHECKBOX_NAME)
        try:
            [self.model._meta.pk.run_validators(self.model._meta.pk.to_python(key)) for key in keys]
        except ValidationError as error:
            raise BadRequest("Something was chosen that is no row.") from error
        if request.POST.get("select_across") == "1" and queryset[COUNTED : COUNTED + 1]:
            words = _("Those are too many to change at once. Search for some of them.")
            self.message_user(request, words, messages.ERROR)
            return None
        return super().response_action(request, queryset)


class ReasonMixin(ChosenRowsMixin):
    """For admin actions that ask for a reason first, on a page between."""

    def with_reason(self, request, queryset, title, act):
        """Show the page that asks; once it is answered, call `act(reason)` with what was said."""
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            act(form.cleaned_data["reason"])
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


class ReadOnlyAdmin(ChosenRowsMixin, admin.ModelAdmin):
    """For looking, not for changing: what changes these rows publishes events, and the admin would not."""

    def lookup_allowed(self, lookup, value, request):
        """Only by what is shown: whoever may ask for what begins with a letter finds out the rest."""
        filters = [chosen[0] if isinstance(chosen, tuple) else chosen for chosen in self.list_filter]
        shown = {*self.list_display, *filters, *(self.fields or ()), self.date_hierarchy}
        hidden = {field.name for field in self.opts.get_fields()} - shown
        return lookup.partition("__")[0] not in hidden and super().lookup_allowed(lookup, value, request)

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
