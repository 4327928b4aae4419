from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.common.admin import ReadOnlyAdmin, SearchByMemberMixin
from accounts.emails import types
from accounts.emails.models import Delivery, OutboxHold, SuppressedAddress


class TypeFilter(admin.SimpleListFilter):
    """Filters by the types that the code defines. Reading the types from the rows would take too long."""

    title = _("type")
    parameter_name = "type"

    def lookups(self, request, model_admin):
        return [(email_type.name, email_type.label) for email_type in types.all_types()]

    def queryset(self, request, queryset):
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(Delivery)
class DeliveryAdmin(SearchByMemberMixin, ReadOnlyAdmin):
    """The status of each email. The text of emails is not stored."""

    list_display = ["recipient", "address", "type", "state", "attempts", "answer", "created_on", "sent_on"]
    list_select_related = ["recipient"]
    list_filter = ["state", TypeFilter]
    members = ["recipient"]
    search_help_text = _("Enter a full username, such as @ada, or a full email address.")
    ordering = ["-id"]

    def changelist_view(self, request, extra_context=None):
        if OutboxHold.is_on():
            warning = _(
                "The database was restored from a backup. Old emails and all digests are on hold until an operator releases them."
            )
            self.message_user(request, warning, messages.WARNING)
        return super().changelist_view(request, extra_context)

    def get_search_results(self, request, queryset, search_term):
        if "@" in search_term.strip()[1:]:
            return queryset.filter(address=search_term.strip().replace("\0", "")), False
        return super().get_search_results(request, queryset, search_term)


@admin.register(SuppressedAddress)
class SuppressedAddressAdmin(ReadOnlyAdmin):
    list_display = ["address", "answer", "suppressed_on"]
    search_fields = ["address"]
    ordering = ["-suppressed_on"]
    actions = ["trust"]

    def has_trust_permission(self, request):
        return request.user.has_perm("accounts.change_suppressedaddress")

    @admin.action(description=_("Allow email to these addresses"), permissions=["trust"])
    def trust(self, request, queryset):
        count = queryset.delete()[0]
        self.message_user(
            request,
            ngettext(
                "Email to %d address is allowed again.", "Email to %d addresses is allowed again.", count
            )
            % count,
        )
