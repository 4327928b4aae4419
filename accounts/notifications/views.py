"""The page that turns off one type of email."""

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from accounts.emails.unsubscribe import read_token
from accounts.notifications import digests
from accounts.notifications.types import Frequency


@method_decorator([login_not_required, csrf_exempt], name="dispatch")
class UnsubscribeView(View):
    """Turns off one type of email on POST. GET only shows a button, because programs that scan emails follow links.

    The token is enough: there is no session and no CSRF token, because email programs send the POST (RFC 8058). The page
    that confirms it has a button that restores the earlier choice, sent as `frequency`.
    """

    http_method_names = ["get", "head", "post", "options"]

    def dispatch(self, request, token):
        try:
            self.user, self.digest = read_token(token)
        except signing.BadSignature:
            return render(request, "accounts/unsubscribe_invalid.html", status=404)
        return super().dispatch(request, token)

    def get(self, request, token):
        return self.render_page("accounts/unsubscribe.html")

    def post(self, request, token):
        before = self.digest.frequency_for(self.user)
        # Pages of the previous release send `when`.
        frequency = request.POST.get("frequency") or request.POST.get("when", Frequency.NEVER)
        if frequency not in self.digest.frequencies:
            frequency = Frequency.NEVER
        digests.choose(self.user, self.digest, frequency)
        if frequency == Frequency.NEVER:
            return self.render_page("accounts/unsubscribed.html", before=self.restored_frequency(before))
        return self.render_page("accounts/resubscribed.html", frequency=Frequency(frequency).label)

    def restored_frequency(self, before):
        """Return the frequency that the button restores: the previous one or, if that was off, the first available one."""
        return self.digest.frequencies[0] if before == Frequency.NEVER else before

    def render_page(self, template, **context):
        return render(self.request, template, {"person": self.user, "email_type": self.digest} | context)
