from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.moderation import ReadOnlyAdmin
from accounts.models import Delivery, RefusedAddress


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What became of each mail. What it said is nowhere."""

    list_display = ["recipient", "address", "kind", "state", "tries", "answer", "created_on", "sent_on"]
    list_select_related = ["recipient"]
    list_filter = ["state", "kind"]
    search_fields = ["=recipient__username", "=address"]
    ordering = ["-id"]


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
