from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.moderation import ReadOnlyAdmin, ReasonMixin
from accounts.forms.mail import PlaceChoices
from accounts.models import Follow, ModerationAction, User
from accounts.moderation import may_be_suspended_by, moderate, suspend
from accounts.text import truncate


class PersonForm(PlaceChoices, UserChangeForm):
    pass


@admin.register(User)
class UserAdmin(ReasonMixin, DjangoUserAdmin):
    """People. They sign up by themselves, and are suspended rather than deleted."""

    form = PersonForm
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
        (None, {"fields": ["username", "email", "password", "display_name", "bio", "time_zone"]}),
        (_("Standing"), {"fields": ["is_active", "suspended_on", "date_joined", "last_login"]}),
        (_("Permissions"), {"fields": ["is_staff", "is_superuser", "groups", "user_permissions"]}),
    ]
    actions = ["suspend", "reinstate", "remove_picture"]

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        # Who may change people can make anybody an administrator, themselves included.
        return request.user.is_superuser

    def has_moderate_permission(self, request):
        return request.user.has_perm("accounts.change_user")

    @admin.action(description=_("Suspend: bar them and hide all they wrote"), permissions=["moderate"])
    def suspend(self, request, queryset):
        def act(reason):
            if queryset.exclude(may_be_suspended_by(request.user)).exists():
                words = _("You can't suspend yourself or an administrator.")
                self.message_user(request, words, messages.ERROR)
            changed = suspend(request.user, queryset, reason)
            self.message_user(
                request, ngettext("%d person suspended.", "%d people suspended.", changed) % changed
            )

        return self.with_reason(request, queryset, _("Suspend people"), act)

    @admin.action(description=_("Reinstate"), permissions=["moderate"])
    def reinstate(self, request, queryset):
        def act(reason):
            changed = moderate(request.user, ModerationAction.Verb.REINSTATE, queryset, reason)
            self.message_user(
                request, ngettext("%d person reinstated.", "%d people reinstated.", changed) % changed
            )

        return self.with_reason(request, queryset, _("Reinstate people"), act)

    @admin.action(description=_("Remove the picture"), permissions=["change"])
    def remove_picture(self, request, queryset):
        def act(reason):
            changed = moderate(request.user, ModerationAction.Verb.REMOVE_PICTURE, queryset, reason)
            self.message_user(
                request, ngettext("%d picture removed.", "%d pictures removed.", changed) % changed
            )

        return self.with_reason(request, queryset, _("Remove pictures"), act)


@admin.register(ModerationAction)
class ModerationActionAdmin(ReadOnlyAdmin):
    list_display = ["created_on", "moderator_name", "verb", "target_person", "beginning", "reason"]
    fields = ["created_on", "moderator_name", "verb", "target_person", "target_text", "reason"]
    list_filter = ["verb"]
    search_fields = ["=moderator_name", "=target_person", "reason"]
    ordering = ["-id"]

    @admin.display(description=_("text"))
    def beginning(self, action):
        return truncate(action.target_text, 80)


@admin.register(Follow)
class FollowAdmin(ReadOnlyAdmin):
    list_display = ["follower", "followed", "created_on"]
    list_select_related = ["follower", "followed"]
    search_fields = ["=follower__username", "=followed__username"]
    ordering = ["-id"]
