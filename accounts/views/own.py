"""What a member decides about themselves."""

import logging

from allauth.core.ratelimit import consume
from allauth.decorators import rate_limit
from django.contrib import messages
from django.contrib.auth import logout
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.generic import FormView, UpdateView

from accounts import rate_limits
from accounts.forms import LeaveForm, ProfileForm
from accounts.models import RefusedAddress, User
from accounts.pictures import NotStored
from accounts.transactions import in_one_transaction

logger = logging.getLogger(__name__)


class SettingsView(UpdateView):
    http_method_names = ["get", "head", "post", "options"]
    template_name = "accounts/settings.html"
    form_class = ProfileForm
    context_object_name = "member"  # Not "user": that is who is logged in, whatever the form holds.
    success_url = reverse_lazy("accounts:settings")

    def get_object(self):
        # Not request.user: what a refused form holds must not show as the member's name elsewhere on the page.
        return User.objects.present(self.request.user.pk)

    def get_context_data(self, **kwargs):
        refused = RefusedAddress.of(self.request.user.email).first()
        return super().get_context_data(refused=refused, **kwargs)

    def post(self, request):
        # Making a picture takes the machine a second: not as often as a program could ask for it.
        if request.FILES and not consume(request, action="picture", user=request.user):
            form = self.form_class(request.POST, instance=self.get_object())
            form.full_clean()
            return self.refuse(form, "picture", rate_limits.wait_message(request.rate_limit_wait), 429)
        return super().post(request)

    def form_valid(self, form):
        try:
            response = super().form_valid(form)
        except NotStored:
            logger.exception("A picture could not be stored")
            words = _("Your picture could not be stored. Try again in a moment.")
            return self.refuse(form, "picture", words, 503)
        except rate_limits.RateLimitExceeded as error:
            rate_limits.refuse(self.request, error.wait)
            return self.refuse(form, None, str(error), 429)
        messages.success(self.request, _("Saved."))
        return response

    def refuse(self, form, field, words, status):
        form.add_error(field, words)
        self.object = self.get_object()
        return self.render_to_response(self.get_context_data(form=form), status=status)


class LeaveView(FormView):
    """Deletes the member's account, after the password and a clear word."""

    form_class = LeaveForm
    http_method_names = ["get", "head", "post", "options"]
    success_url = "/"
    template_name = "accounts/leave.html"

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
        messages.success(self.request, _("Your account and everything in it is deleted. Goodbye."))
        return super().form_valid(form)
