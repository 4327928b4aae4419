"""The moderators' pages in the admin: actions that require a reason, and the record of actions."""

from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.common.admin import LongListMixin, ReadOnlyAdmin
from accounts.common.fields import FreeTextFormField
from accounts.common.text import truncate
from accounts.moderation.models import ModerationAction, Rule


class ReasonForm(forms.Form):
    reason = FreeTextFormField(
        label=_("Reason (the person concerned will read it)"),
        characters=500,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )


class ReasonMixin(LongListMixin):
    """A mixin for admin actions that require a reason, which a separate page requests."""

    def with_reason(self, request, queryset, question, button, act):
        """Show a page that requests a reason. Then call `act(reason)` in a transaction and show the message that it returns.

        `question` is the title of the page and `button` the label of its button. Both are lazy strings and may contain
        %(count)d.
        """
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            with transaction.atomic():
                message = act(form.cleaned_data["reason"])
            self.message_user(request, message)
            return None
        count = {"count": queryset.count()}
        context = self.admin_site.each_context(request) | {
            "title": question % count,
            "button": button % count,
            "form": form,
            "targets": queryset[:100],
            "action": request.POST["action"],
            "select_across": request.POST.get("select_across", "0"),
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "accounts/admin/moderation_reason.html", context)


@admin.register(Rule)
class RuleAdmin(admin.ModelAdmin):
    """The site's rules. Administrators edit them, and moderators can read them.

    Members aren't told about each change. A button leads to the form for the announcement that tells them.
    """

    list_display = ["title", "position", "is_active"]
    fields = ["title", "text", "position", "is_active"]
    ordering = ["position", "pk"]

    def changelist_view(self, request, extra_context=None):
        context = {}
        if request.user.has_perm("accounts.add_announcement"):
            values = {"new_rules": "1", "text": _("Our rules have changed. Please read them.")}
            context["announce_url"] = f"{reverse('admin:accounts_announcement_add')}?{urlencode(values)}"
        return super().changelist_view(request, context | (extra_context or {}))


@admin.register(ModerationAction)
class ModerationActionAdmin(ReadOnlyAdmin):
    list_display = ["created_on", "moderator_name", "action", "person_name", "beginning", "reason"]
    fields = ["created_on", "moderator_name", "action", "person_name", "subject_text", "reason"]
    list_filter = ["action"]
    search_fields = ["person_name__exact", "reason"]
    search_help_text = _("Type @name to see what was done to one person, or words to search every reason.")
    ordering = ["-id"]

    def get_search_results(self, request, queryset, search_term):
        if search_term.startswith("@"):
            name = search_term.removeprefix("@").strip().lower().replace("\0", "")
            return queryset.filter(person_name=name), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("text"))
    def beginning(self, action):
        return truncate(action.subject_text, 80)
