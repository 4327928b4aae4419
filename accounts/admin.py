"""The admin of people and follows. The rooms register their own models."""

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from accounts.common.addresses import email_key
from accounts.common.admin import ReadOnlyAdmin, SearchByMemberMixin, SetFilter, VisibleLookupsMixin
from accounts.forms.locale import LocaleFieldsMixin
from accounts.models import Follow, SiteSettings, User
from accounts.models.name import prefixes_in
from accounts.moderation.actions import may_be_moderated_by, may_be_suspended_by, moderate, suspend
from accounts.moderation.admin import ReasonMixin

import accounts.announcements.admin  # noqa: F401 isort: skip
import accounts.emails.admin  # noqa: F401 isort: skip
import accounts.jobs.admin  # noqa: F401 isort: skip
import accounts.joining.admin  # noqa: F401 isort: skip
import accounts.moderation.admin  # noqa: F401 isort: skip
import accounts.security.admin  # noqa: F401 isort: skip


class PersonForm(LocaleFieldsMixin, UserChangeForm):
    pass


# The fields that moderators can see, filter by and sort by. Only administrators can see the others.
MODERATOR_FIELDS = [
    "username",
    "display_name",
    "bio",
    "date_joined",
    "is_active",
    "suspended_on",
    "pending_since",
]


@admin.register(User)
class UserAdmin(ReasonMixin, VisibleLookupsMixin, DjangoUserAdmin):
    """People can't be added or deleted here. They sign up themselves, and moderators suspend them."""

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
    search_help_text = _("Type the start of a name. Administrators can also search for a full email address.")
    ordering = ["-id"]
    readonly_fields = [
        "username",
        "email",
        "new_password",
        "is_active",
        "suspended_on",
        "pending_since",
        "last_login",
        "date_joined",
    ]
    fieldsets = [
        (None, {"fields": ["username", "email", "new_password", "display_name", "bio", "time_zone"]}),
        (
            _("Account status"),
            {"fields": ["is_active", "suspended_on", "pending_since", "date_joined", "last_login"]},
        ),
        (_("Permissions"), {"fields": ["is_staff", "is_superuser", "groups", "user_permissions"]}),
    ]
    actions = ["suspend", "reinstate", "remove_picture"]

    def get_search_results(self, request, queryset, search_term):
        """Search as the directory does. Administrators also find people by their full email address."""
        text = search_term.strip()
        if "@" in text[1:] and "email" in self.get_search_fields(request):
            return queryset.filter(email=email_key(text.replace("\0", ""))), False
        return queryset.named(prefixes_in(text)), False

    def view_on_site(self, user):
        # Django's redirect would build the URL from the Host header.
        return user.get_absolute_url()

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        # Anyone who can change people could make themselves an administrator.
        return request.user.is_superuser

    def get_list_display(self, request):
        return self.only_visible_to(request, super().get_list_display(request))

    def get_list_filter(self, request):
        return self.only_visible_to(request, super().get_list_filter(request))

    def get_search_fields(self, request):
        return self.only_visible_to(request, super().get_search_fields(request))

    def get_fieldsets(self, request, obj=None):
        return (
            self.fieldsets if self.has_change_permission(request) else [(None, {"fields": MODERATOR_FIELDS})]
        )

    def only_visible_to(self, request, options):
        """Return the `options` (field names or filters) that this moderator or administrator may see."""
        if self.has_change_permission(request):
            return options
        names = [option[0] if isinstance(option, tuple) else option for option in options]
        return [option for option, name in zip(options, names, strict=True) if name in MODERATOR_FIELDS]

    @admin.display(description=_("password"))
    def new_password(self, user):
        """Return a link to the page that sets a new password."""
        url = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('<a href="{}">{}</a>', url, _("Set a new password"))

    def has_moderate_permission(self, request):
        return request.user.has_perm("accounts.change_user")

    @admin.action(description=_("Suspend and hide all posts"), permissions=["moderate"])
    def suspend(self, request, queryset):
        def act(reason):
            if queryset.exclude(may_be_suspended_by(request.user)).exists():
                message = (
                    _("You can't suspend yourself or an administrator.")
                    if request.user.is_superuser
                    else _("You can't suspend yourself, another moderator or an administrator.")
                )
                self.message_user(request, message, messages.ERROR)
            changed = suspend(request.user, queryset, reason)
            return ngettext("%d person suspended.", "%d people suspended.", changed) % changed

        question = ngettext_lazy(
            "Suspend this person and hide all their posts?",
            "Suspend these %(count)d people and hide all their posts?",
            "count",
        )
        button = ngettext_lazy("Suspend person", "Suspend people", "count")
        return self.with_reason(request, queryset, question, button, act)

    @admin.action(description=_("Reinstate"), permissions=["moderate"])
    def reinstate(self, request, queryset):
        def act(reason):
            allowed = may_be_moderated_by(request.user)
            if queryset.exclude(allowed).exists():
                message = _("Only administrators can reinstate moderators and administrators.")
                self.message_user(request, message, messages.ERROR)
            changed = moderate(request.user, User.reinstate, queryset.filter(allowed), reason)
            return ngettext("%d person reinstated.", "%d people reinstated.", changed) % changed

        question = ngettext_lazy("Reinstate this person?", "Reinstate these %(count)d people?", "count")
        button = ngettext_lazy("Reinstate person", "Reinstate people", "count")
        return self.with_reason(request, queryset, question, button, act)

    @admin.action(description=_("Remove pictures"), permissions=["change"])
    def remove_picture(self, request, queryset):
        def act(reason):
            changed = moderate(request.user, User.remove_picture, queryset, reason)
            return ngettext("%d picture removed.", "%d pictures removed.", changed) % changed

        question = ngettext_lazy(
            "Remove this person's picture?", "Remove the pictures of these %(count)d people?", "count"
        )
        button = ngettext_lazy("Remove picture", "Remove pictures", "count")
        return self.with_reason(request, queryset, question, button, act)


@admin.register(Follow)
class FollowAdmin(SearchByMemberMixin, ReadOnlyAdmin):
    list_display = ["follower", "followed", "created_on"]
    list_select_related = ["follower", "followed"]
    members = ["follower", "followed"]
    ordering = ["-id"]


@admin.register(SiteSettings)
class SiteSettingsAdmin(admin.ModelAdmin):
    """The one row of settings. The link in the index leads straight to its form."""

    fieldsets = [
        (
            _("Who can join"),
            {
                "fields": [
                    "signup_mode",
                    "invitations_per_member",
                    "signups_per_hour",
                    "refused_email_domains",
                    "new_account_hours",
                ]
            },
        ),
        (_("Who sees the site"), {"fields": ["members_only"]}),
    ]
    radio_fields = {"signup_mode": admin.VERTICAL}

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def changelist_view(self, request, extra_context=None):
        SiteSettings.create_first()
        return redirect("admin:accounts_sitesettings_change", 1)

    def response_post_save_change(self, request, obj):
        return redirect("admin:index")
