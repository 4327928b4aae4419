"""The settings, and the page for deleting an account."""

import logging

from allauth.core.ratelimit import consume
from allauth.decorators import rate_limit
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.mixins import LoginRequiredMixin
from django.shortcuts import resolve_url
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.generic import FormView, TemplateView, UpdateView

from accounts.common.installed import HAS_MFA
from accounts.common.links import home_path
from accounts.common.transactions import in_one_transaction
from accounts.emails.models import SuppressedAddress
from accounts.forms import LeaveForm, LocaleForm, ProfileForm
from accounts.joining.access import pending_too
from accounts.joining.invitations import budget_of
from accounts.models import SiteSettings, User
from accounts.notifications.forms import NotificationPreferencesForm
from accounts.pictures import NotStored
from accounts.security import rate_limits
from accounts.site_access import open_before_acceptance

if HAS_MFA:
    from allauth.mfa.utils import is_mfa_enabled

logger = logging.getLogger(__name__)


class SuppressedAddressMixin:
    """Adds the member's email address to the context as `suppressed` if a hard bounce has stopped emails to it."""

    def get_context_data(self, **kwargs):
        suppressed = SuppressedAddress.matching(self.request.user.email).first()
        return super().get_context_data(suppressed=suppressed, **kwargs)


class SettingsView(LoginRequiredMixin, SuppressedAddressMixin, TemplateView):
    """The overview with links to all settings, and the present value of some."""

    http_method_names = ["get", "head", "options"]
    template_name = "accounts/settings.html"

    def get_context_data(self, **kwargs):
        member = self.request.user
        has_two_steps = HAS_MFA and is_mfa_enabled(member)
        return super().get_context_data(
            blocked_count=User.objects.blocked_by(member).count(),
            has_two_steps=has_two_steps,
            can_invite=budget_of(member, SiteSettings.of(self.request)) != 0 or member.invitations.exists(),
            **kwargs,
        )


class SettingsFormView(LoginRequiredMixin, UpdateView):
    """A page with some of the member's settings and a button that saves them. It leads back to itself.

    Add the name of its URL to accounts.common.navigation, and a link to the overview.
    """

    http_method_names = ["get", "head", "post", "options"]
    context_object_name = "member"  # "user" is the logged-in user, without the form's changes.

    def get_object(self):
        # An invalid form also changes this object. If it were request.user, the rest of the page would show those changes.
        return User.objects.present(self.request.user.pk)

    def get_success_url(self):
        return self.request.path

    def form_valid(self, form):
        try:
            response = super().form_valid(form)
        except NotStored:
            logger.exception("A picture could not be stored")
            message = _("We couldn't save your picture. Try again in a moment.")
            return self.refuse(form, "picture", message, 503)
        except rate_limits.RateLimitExceeded as error:
            rate_limits.refuse(self.request, error.wait)
            return self.refuse(form, None, str(error), 429)
        messages.success(self.request, _("Saved."))
        return response

    def refuse(self, form, field, message, status):
        form.add_error(field, message)
        self.object = self.get_object()
        return self.render_to_response(self.get_context_data(form=form), status=status)


class ProfileSettingsView(SettingsFormView):
    """What others see of the member."""

    template_name = "accounts/settings_profile.html"
    form_class = ProfileForm

    def post(self, request):
        # Processing a picture takes up to a second, so uploads are rate limited.
        if request.FILES and not consume(request, action="picture", user=request.user):
            form = self.form_class(request.POST, instance=self.get_object())
            form.full_clean()
            return self.refuse(form, "picture", rate_limits.wait_message(request.rate_limit_wait), 429)
        return super().post(request)


class NotificationSettingsView(SuppressedAddressMixin, SettingsFormView):
    """Which notifications the member gets on the site, and which emails and how often."""

    template_name = "accounts/settings_notifications.html"
    form_class = NotificationPreferencesForm


@method_decorator(pending_too, name="dispatch")
class LocaleSettingsView(SettingsFormView):
    """The member's language and time zone."""

    template_name = "accounts/settings_locale.html"
    form_class = LocaleForm


@method_decorator([open_before_acceptance, pending_too], name="dispatch")
class LeaveView(LoginRequiredMixin, FormView):
    """Deletes the member's account after they enter their password and confirm."""

    form_class = LeaveForm
    http_method_names = ["get", "head", "post", "options"]
    template_name = "accounts/leave.html"

    def get_success_url(self):
        return resolve_url(settings.LOGOUT_REDIRECT_URL or home_path())

    @method_decorator(rate_limit(action="reauthenticate"))
    def post(self, request):
        return super().post(request)

    def get_form_kwargs(self):
        user = User.objects.present(self.request.user.pk)
        return super().get_form_kwargs() | {"request": self.request, "user": user}

    def form_valid(self, form):
        return in_one_transaction(self.request, lambda: self.leave(form))

    def leave(self, form):
        form.user.leave()
        logout(self.request)
        messages.success(self.request, _("Your account and everything in it has been deleted. Goodbye."))
        return super().form_valid(form)
