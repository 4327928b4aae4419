"""What a member decides about themselves."""

from allauth.decorators import rate_limit
from django.contrib import messages
from django.contrib.auth import logout
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.generic import FormView, UpdateView

from accounts.forms import LeaveForm, ProfileForm
from accounts.models import RefusedAddress, User


class SettingsView(UpdateView):
    http_method_names = ["get", "head", "post", "options"]
    template_name = "accounts/settings.html"
    form_class = ProfileForm
    context_object_name = "member"  # Not "user": that is who is logged in, whatever the form holds.
    success_url = reverse_lazy("accounts:settings")

    def get_object(self):
        # Not request.user: what a refused form holds must not show as the member's name elsewhere on the page.
        return User.objects.get(pk=self.request.user.pk)

    def get_context_data(self, **kwargs):
        refused = RefusedAddress.objects.filter(address=self.request.user.email).first()
        return super().get_context_data(refused=refused, **kwargs)

    def form_valid(self, form):
        messages.success(self.request, _("Saved."))
        return super().form_valid(form)


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
        return super().get_form_kwargs() | {"user": User.objects.get(pk=self.request.user.pk)}

    def form_valid(self, form):
        form.user.leave()
        logout(self.request)
        messages.success(self.request, _("Your account and everything in it is deleted. Goodbye."))
        return super().form_valid(form)
