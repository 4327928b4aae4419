"""What a member decides about mails, and how they look."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView

from accounts.emails import kinds, letters, plans
from accounts.emails.kinds import When
from accounts.emails.unsubscribe import read_token
from accounts.models import MailPreference, RefusedAddress


@method_decorator([login_not_required, csrf_exempt], name="dispatch")
class UnsubscribeView(View):
    """Turns one kind of mail off. GET asks, as programs that look through mail follow links; POST acts.

    The token is the proof: no session, no CSRF token, as mail programs send the POST themselves (RFC 8058). The page
    that says it is off has a button back: it sends what was chosen before as `when`.
    """

    http_method_names = ["get", "head", "post", "options"]

    def dispatch(self, request, token):
        try:
            self.user, self.kind = read_token(token)
        except signing.BadSignature:
            return render(request, "accounts/unsubscribe_invalid.html", status=404)
        return super().dispatch(request, token)

    def get(self, request, token):
        return self.answer("accounts/unsubscribe.html")

    def post(self, request, token):
        before = MailPreference.of(self.user, self.kind)
        when = request.POST.get("when", When.NEVER)
        if when not in self.kind.choices:
            when = When.NEVER
        plans.choose(self.user, self.kind, when)
        if when == When.NEVER:
            return self.answer("accounts/unsubscribed.html", before=self.on(before))
        return self.answer("accounts/resubscribed.html", when=When(when).label)

    def on(self, before):
        """What the way back leads to: what was chosen before, or else the soonest there is."""
        return self.kind.choices[0] if before == When.NEVER else before

    def answer(self, template, **context):
        return render(self.request, template, {"person": self.user, "kind": self.kind} | context)


class MailPreviewView(View):
    """How a mail that the member chooses about looks, with made-up facts."""

    def get(self, request, name):
        kind = {kind.name: kind for kind in kinds.optional_kinds()}.get(name)
        if kind is None:
            raise Http404
        return HttpResponse(letters.preview(kind, request.user))


@method_decorator([login_not_required, cache_control(max_age=3600)], name="dispatch")
class MailStyleView(TemplateView):
    """The style sheet of previews; in mails the same styles stand in the elements."""

    template_name = "accounts/email/style.css"
    content_type = "text/css"


class TrustAddressView(View):
    """Lets mail go again to the member's address, which was refused once."""

    http_method_names = ["post"]

    def post(self, request):
        RefusedAddress.of(request.user.email).delete()
        messages.success(request, _("We mail you there again."))
        return redirect("accounts:settings")
