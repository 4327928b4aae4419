"""In the place of what our libraries' own admins would show to whoever may look into an administrator's browser."""

# They register when they are imported, which must be before they are taken back.
import allauth.mfa.admin  # noqa: F401
import allauth.usersessions.admin  # noqa: F401
import django_tasks_db.admin  # noqa: F401
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.db import transaction
from django_tasks_db.models import DBTaskResult

from accounts.admin.moderation import ReadOnlyAdmin, SearchByMemberMixin

# The arguments of jobs hold mails, with links that set passwords. JobAdmin is for jobs.
admin.site.unregister(DBTaskResult)
# With the key of a session one is who it belongs to; and without its row, suspending would not end it.
admin.site.unregister(UserSession)
admin.site.unregister(Authenticator)


@admin.register(Authenticator)
class AuthenticatorAdmin(SearchByMemberMixin, ReadOnlyAdmin):
    """Second factors without their secrets, to be removed when a member has lost them all."""

    list_display = fields = ["user", "type", "created_at", "last_used_at"]
    list_filter = ["type"]
    list_select_related = ["user"]
    members = ["user"]
    ordering = ["-id"]

    def has_delete_permission(self, request, obj=None):
        return super(ReadOnlyAdmin, self).has_delete_permission(request, obj)

    def response_action(self, request, queryset):
        """Delete and log the deletion in one transaction. Django's action logs first, and would keep that if it failed."""
        with transaction.atomic():
            return super().response_action(request, queryset)
