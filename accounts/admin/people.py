from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.addresses import email_key
from accounts.admin.moderation import ReadOnlyAdmin, ReasonMixin, SearchByMemberMixin, ShownLookupsMixin
from accounts.admin.paginator import SetFilter
from accounts.forms.mail import PlaceChoices
from accounts.models import Follow, ModerationAction, User
from accounts.models.name import prefixes_in
from accounts.moderation import may_be_suspended_by, moderate, suspend
from accounts.text import truncate


class PersonForm(PlaceChoices, UserChangeForm):
    pass


# What moderators see of a person, and may filter and sort by. The rest is for administrators, and nobody needs the
# stored password.
JUDGED_BY = ["username", "display_name", "bio", "date_joined", "is_active", "suspended_on"]


@admin.register(User)
class UserAdmin(ReasonMixin, ShownLookupsMixin, DjangoUserAdmin):
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
    list_filter = [("suspended_on", SetFilter), "is_staff", "is_superuser"]
    search_fields = ["username", "display_name", "email"]
    search_help_text = _("The beginnings of names. Administrators can also search for a whole email address.")
    ordering = ["-id"]
    readonly_fields = [
        "username",
        "email",
        "new_password",
        "is_active",
        "suspended_on",
        "last_login",
        "date_joined",
    ]
    fieldsets = [
        (None, {"fields": ["username", "email", "new_password", "display_name", "bio", "time_zone"]}),
        (_("Standing"), {"fields": ["is_active", "suspended_on", "date_joined", "last_login"]}),
        (_("Permissions"), {"fields": ["is_staff", "is_superuser", "groups", "user_permissions"]}),
    ]
    actions = ["suspend", "reinstate", "remove_picture"]

    def get_search_results(self, request, queryset, search_term):
        """As in the directory; only who may search for addresses finds somebody by theirs."""
        words = search_term.strip()
        if "@" in words[1:] and "email" in self.get_search_fields(request):
            return queryset.filter(email=email_key(words.replace("\0", ""))), False
        return queryset.named(prefixes_in(words)), False

    def view_on_site(self, user):
        # Not Django's redirect: it builds an address from the Host header.
        return user.get_absolute_url()

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        # Who may change people can make anybody an administrator, themselves included.
        return request.user.is_superuser

    def get_list_display(self, request):
        return self.only_shown_to(request, super().get_list_display(request))

    def get_list_filter(self, request):
        return self.only_shown_to(request, super().get_list_filter(request))

    def get_search_fields(self, request):
        return self.only_shown_to(request, super().get_search_fields(request))

    def get_fieldsets(self, request, obj=None):
        return self.fieldsets if self.has_change_permission(request) else [(None, {"fields": JUDGED_BY})]

    def only_shown_to(self, request, options):
        """Those of `options`, names or filters, that whoever asks may know about."""
        if self.has_change_permission(request):
            return options
        names = [option[0] if isinstance(option, tuple) else option for option in options]
        return [option for option, name in zip(options, names, strict=True) if name in JUDGED_BY]

    @admin.display(description=_("password"))
    def new_password(self, user):
        """The way to set another one."""
        url = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('<a href="{}">{}</a>', url, _("Set a new password"))

    def has_moderate_permission(self, request):
        return request.user.has_perm("accounts.change_user")

    @admin.action(description=_("Suspend: bar them and hide all they wrote"), permissions=["moderate"])
    def suspend(self, request, queryset):
        def act(reason):
            if queryset.exclude(may_be_suspended_by(request.user)).exists():
                words = _("You can't suspend yourself or an administrator.")
                self.message_user(request, words, messages.ERROR)
            changed = suspend(request.user, queryset, reason)
            return ngettext("%d person suspended.", "%d people suspended.", changed) % changed

        return self.with_reason(request, queryset, _("Suspend people"), act)

    @admin.action(description=_("Reinstate"), permissions=["moderate"])
    def reinstate(self, request, queryset):
        def act(reason):
            changed = moderate(request.user, ModerationAction.Verb.REINSTATE, queryset, reason)
            return ngettext("%d person reinstated.", "%d people reinstated.", changed) % changed

        return self.with_reason(request, queryset, _("Reinstate people"), act)

    @admin.action(description=_("Remove the picture"), permissions=["change"])
    def remove_picture(self, request, queryset):
        def act(reason):
            changed = moderate(request.user, ModerationAction.Verb.REMOVE_PICTURE, queryset, reason)
            return ngettext("%d picture removed.", "%d pictures removed.", changed) % changed

        return self.with_reason(request, queryset, _("Remove pictures"), act)


@admin.register(ModerationAction)
class ModerationActionAdmin(ReadOnlyAdmin):
    list_display = ["created_on", "moderator_name", "verb", "target_person", "beginning", "reason"]
    fields = ["created_on", "moderator_name", "verb", "target_person", "target_text", "reason"]
    list_filter = ["verb"]
    search_fields = ["target_person__exact", "reason"]
    search_help_text = _(
        "@name finds what was done to one person at once; other words are looked for in all reasons."
    )
    ordering = ["-id"]

    def get_search_results(self, request, queryset, search_term):
        if search_term.startswith("@"):
            name = search_term.removeprefix("@").strip().lower().replace("\0", "")
            return queryset.filter(target_person=name), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("text"))
    def beginning(self, action):
        return truncate(action.target_text, 80)


@admin.register(Follow)
class FollowAdmin(SearchByMemberMixin, ReadOnlyAdmin):
    list_display = ["follower", "followed", "created_on"]
    list_select_related = ["follower", "followed"]
    members = ["follower", "followed"]
    ordering = ["-id"]
