"""Previews of emails, and the button that lifts a suppression."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import cache_control
from django.views.generic import TemplateView

from accounts.emails import rendering, types
from accounts.emails.models import SuppressedAddress


class EmailPreviewView(LoginRequiredMixin, View):
    """Shows a sample of an optional email."""

    def get(self, request, name):
        email_type = types.get(name)
        if email_type is None or not email_type.is_optional or not email_type.offered_to(request.user):
            raise Http404
        return HttpResponse(rendering.preview(email_type, request.user))


@method_decorator([login_not_required, cache_control(max_age=3600)], name="dispatch")
class EmailStyleView(TemplateView):
    """The style sheet of previews. In an email the same styles are inline."""

    template_name = "accounts/email/style.css"
    content_type = "text/css"


class TrustAddressView(LoginRequiredMixin, View):
    """Allows email to the member's address again after a hard bounce."""

    http_method_names = ["post"]

    def post(self, request):
        SuppressedAddress.matching(request.user.email).delete()
        messages.success(request, _("We'll email you there again."))
        return redirect("accounts:settings")
