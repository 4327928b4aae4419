from django.contrib import admin, messages
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.moderation import ReadOnlyAdmin, SearchByMemberMixin
from accounts.emails import kinds
from accounts.models import Delivery, OutboxHold, RefusedAddress


class KindFilter(admin.SimpleListFilter):
    """By kind, of those that there are in the code: looking for them among all emails would take long."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request, model_admin):
        return [(kind.name, kind.label) for kind in kinds.all_kinds()]

    def queryset(self, request, queryset):
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Delivery)
class DeliveryAdmin(SearchByMemberMixin, ReadOnlyAdmin):
    """What became of each mail. What it said is nowhere."""

    list_display = ["recipient", "address", "kind", "state", "tries", "answer", "created_on", "sent_on"]
    list_select_related = ["recipient"]
    list_filter = ["state", KindFilter]
    members = ["recipient"]
    search_help_text = _("A whole username, such as @ada, or a whole address.")
    ordering = ["-id"]

    def changelist_view(self, request, extra_context=None):
        if OutboxHold.is_on():
            words = _(
                "The database was restored from a backup. Old emails and all digests wait until an operator releases them."
            )
            self.message_user(request, words, messages.WARNING)
        return super().changelist_view(request, extra_context)

    def get_search_results(self, request, queryset, search_term):
        if "@" in search_term.strip()[1:]:
            return queryset.filter(address=search_term.strip().replace("\0", "")), False
        return super().get_search_results(request, queryset, search_term)


@admin.register(RefusedAddress)
class RefusedAddressAdmin(ReadOnlyAdmin):
    list_display = ["address", "answer", "refused_on"]
    search_fields = ["address"]
    ordering = ["-refused_on"]
    actions = ["trust"]

    def has_trust_permission(self, request):
        return request.user.has_perm("accounts.change_refusedaddress")

    @admin.action(description=_("Mail there again"), permissions=["trust"])
    def trust(self, request, queryset):
        count = queryset.delete()[0]
        self.message_user(request, ngettext("%d address: done.", "%d addresses: done.", count) % count)
