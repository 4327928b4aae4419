from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Delivery, Follow, User


class ReadOnlyAdmin(admin.ModelAdmin):
    """For looking, not for changing: what changes these rows publishes events, and the admin would not."""

    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """People. They sign up by themselves, and are suspended rather than deleted."""

    list_display = [
        "username",
        "display_name",
        "email",
        "date_joined",
        "last_login",
        "suspended_on",
        "is_staff",
    ]
    list_filter = [("suspended_on", admin.EmptyFieldListFilter), "is_staff", "is_superuser"]
    search_fields = ["username", "display_name", "email"]
    ordering = ["-id"]
    show_full_result_count = False
    readonly_fields = ["username", "email", "is_active", "suspended_on", "last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "email", "password", "display_name", "bio"]}),
        (_("Standing"), {"fields": ["is_active", "suspended_on", "date_joined", "last_login"]}),
        (_("Permissions"), {"fields": ["is_staff", "is_superuser", "groups", "user_permissions"]}),
    ]
    actions = ["suspend", "reinstate"]

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @admin.action(description=_("Suspend: bar them and hide all they wrote"), permissions=["change"])
    def suspend(self, request, queryset):
        spared = Q(is_superuser=True) | Q(pk=request.user.pk)
        if queryset.filter(spared).exists():
            self.message_user(request, _("You can't suspend yourself or an administrator."), messages.ERROR)
        changed = sum(user.suspend() for user in queryset.exclude(spared))
        self.message_user(
            request, ngettext("%d person suspended.", "%d people suspended.", changed) % changed
        )

    @admin.action(description=_("Reinstate"), permissions=["change"])
    def reinstate(self, request, queryset):
        changed = sum(user.reinstate() for user in queryset)
        self.message_user(
            request, ngettext("%d person reinstated.", "%d people reinstated.", changed) % changed
        )


@admin.register(Follow)
class FollowAdmin(ReadOnlyAdmin):
    list_display = ["follower", "followed", "created_on"]
    list_select_related = ["follower", "followed"]
    search_fields = ["=follower__username", "=followed__username"]
    ordering = ["-id"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["recipient", "kind", "created_on", "sent_on"]
    list_select_related = ["recipient"]
    list_filter = ["kind", ("sent_on", admin.EmptyFieldListFilter)]
    search_fields = ["=recipient__username"]
    ordering = ["-id"]
