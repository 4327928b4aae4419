"""Replaces allauth's admin pages that would show secrets."""

from django.contrib import admin
from django.db import transaction

from accounts.common.admin import ReadOnlyAdmin, SearchByMemberMixin
from accounts.common.installed import HAS_MFA, HAS_USER_SESSIONS

# allauth's pages register themselves on import, so they must be imported before they are unregistered.
if HAS_USER_SESSIONS:
    import allauth.usersessions.admin
    from allauth.usersessions.models import UserSession

    # Anyone who has the key of a session can act as its member. Without the row, suspending the member wouldn't end the session.
    admin.site.unregister(UserSession)


class AuthenticatorAdmin(SearchByMemberMixin, ReadOnlyAdmin):
    """Shows authenticators without their secrets. A moderator can delete those of a member who has lost all of them."""

    list_display = fields = ["user", "type", "created_at", "last_used_at"]
    list_filter = ["type"]
    list_select_related = ["user"]
    members = ["user"]
    ordering = ["-id"]

    def has_delete_permission(self, request, obj=None):
        return super(ReadOnlyAdmin, self).has_delete_permission(request, obj)

    def response_action(self, request, queryset):
        """Log and delete in one transaction. Django's action logs first, and would keep the log entry if it then failed."""
        with transaction.atomic():
            return super().response_action(request, queryset)


if HAS_MFA:
    import allauth.mfa.admin  # noqa: F401
    from allauth.mfa.models import Authenticator

    admin.site.unregister(Authenticator)
    admin.site.register(Authenticator, AuthenticatorAdmin)
