"""Invitations and applications in the admin. Moderators decide about applications on their own pages."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.common.admin import ReadOnlyAdmin, SearchByMemberMixin
from accounts.joining.models import Application, Invitation, InvitationUse


@admin.register(Invitation)
class InvitationAdmin(SearchByMemberMixin, ReadOnlyAdmin):
    """All invitations, without their links."""

    list_display = ["id", "creator_name", "limit", "created_on", "expires_on", "revoked_on"]
    fields = ["creator_name", "limit", "created_on", "expires_on", "revoked_on"]
    members = ["creator"]
    ordering = ["-id"]
    actions = ["revoke"]

    def has_revoke_permission(self, request):
        return request.user.has_perm("accounts.change_invitation")

    @admin.action(description=_("Take back"), permissions=["revoke"])
    def revoke(self, request, queryset):
        changed = sum(invitation.revoke() for invitation in queryset)
        message = ngettext("%d invitation taken back.", "%d invitations taken back.", changed) % changed
        self.message_user(request, message)


@admin.register(InvitationUse)
class InvitationUseAdmin(SearchByMemberMixin, ReadOnlyAdmin):
    """Who invited whom."""

    list_display = ["id", "person", "invited_by", "created_on"]
    list_select_related = ["person", "invitation"]
    fields = ["person", "invitation", "created_on"]
    members = ["person", "invitation__creator"]
    ordering = ["-id"]

    @admin.display(description=_("invited by"))
    def invited_by(self, use):
        return use.invitation.creator_name


@admin.register(Application)
class ApplicationAdmin(SearchByMemberMixin, ReadOnlyAdmin):
    list_display = ["id", "person", "state", "created_on", "decided_on"]
    list_select_related = ["person"]
    fields = ["person", "text", "state", "created_on", "submitted_on", "decided_on", "reason"]
    members = ["person"]
    ordering = ["-id"]
