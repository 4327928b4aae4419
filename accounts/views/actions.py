"""Buttons that change something between a member and a person or post, and can be undone by another button."""

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.views import View
from django_htmx.http import HttpResponseClientRedirect

from accounts.common.app_settings import app_settings
from accounts.common.links import is_on_this_site
from accounts.security import rate_limits
from accounts.site_access import open_unless_members_only


@method_decorator(open_unless_members_only, name="dispatch")
class ActionView(View):
    """Changes something between the member and `subject`, and redirects to the page with the button.

    Requests that change something count towards a rate limit: `action` names the counter, and `limit` is the name of a setting
    in `app_settings`. The subject has a page, and raises Http404 if the viewer may not see it.
    """

    http_method_names = ["post"]
    app_settings = app_settings
    action = ""
    limit = ""
    done_message = ""
    subject = None

    def post(self, request, **kwargs):
        if not request.user.is_authenticated:
            # This URL only accepts POST, so the login leads to the page of the subject.
            login = redirect_to_login(self.subject.get_absolute_url())
            return HttpResponseClientRedirect(login.url) if request.htmx else login
        if self.change_within_limit() and (message := self.get_done_message()):
            messages.success(request, message)
        return self.respond()

    def change_within_limit(self):
        """Return whether anything changed. Raises RateLimitExceeded without changing anything."""
        member = self.request.user
        with transaction.atomic():
            changed = self.change(member, self.subject)
            if changed:
                rate_limits.hit(self.action, member.pk, getattr(self.app_settings, self.limit))
        return changed

    def change(self, member, subject):
        """Perform the button's action. Return whether anything changed."""
        raise NotImplementedError

    def get_done_message(self):
        return self.done_message

    def respond(self):
        return HttpResponseRedirect(self.get_success_url())

    def get_success_url(self):
        url = self.request.POST.get("next", "")
        return url if is_on_this_site(url) else self.subject.get_absolute_url()


class ButtonMixin:
    """Responds to htmx with the new button, or with the same button and a notice if the rate limit is exceeded."""

    notice = ""

    def change_within_limit(self):
        try:
            return super().change_within_limit()
        except rate_limits.RateLimitExceeded as error:
            if not self.request.htmx:
                raise
            rate_limits.refuse(self.request, error.wait)
            self.notice = str(error)
            return False

    def respond(self):
        return self.render_button() if self.request.htmx else super().respond()

    def render_button(self):
        """Return a response with the form of the button, as it is now, and with the notice."""
        raise NotImplementedError
