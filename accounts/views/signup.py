"""The sign-up page, with or without an invitation."""

import logging

from allauth.account.views import SignupView as AllauthSignupView
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.db import IntegrityError
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from accounts.common.database_errors import is_worth_another_attempt
from accounts.common.links import home_path
from accounts.common.transactions import AtomicFormMixin, in_one_transaction
from accounts.joining.access import pending_too
from accounts.joining.admission import Admission, SignupRefused
from accounts.joining.decisions import use_invitation
from accounts.joining.models import InvitationRefused
from accounts.models import SiteSettings
from accounts.security import rate_limits

logger = logging.getLogger(__name__)


class SignupView(AtomicFormMixin, AllauthSignupView):
    """Like allauth's, but stores the account, address, session and email together, or shows the form again.

    The mode of the site and the invitation in the URL, if there is one, decide whether there is a form at all.
    """

    template_name_signup_closed = "account/signup_closed.html"

    @cached_property
    def admission(self):
        return Admission.now(self.kwargs.get("token"), SiteSettings.of(self.request))

    @method_decorator(login_not_required)
    def dispatch(self, request, *args, **kwargs):
        try:
            return super().dispatch(request, *args, **kwargs)
        except DatabaseError as error:
            if request.method != "POST" or is_worth_another_attempt(error):
                raise
            logger.exception("Sign-up could not be stored")
            form = self.get_form()
            form.add_error(None, _("We couldn't create your account. Try again in a moment."))
            return self.render_to_response(self.get_context_data(form=form), status=503)

    def is_open(self):
        return not self.admission.refusal

    def closed(self):
        """Say why there is no form. If the form was submitted, keep what was typed."""
        if self.request.method == "POST":
            form = self.get_form()
            form.full_clean()
            return self.form_invalid(form)
        context = {"admission": self.admission}
        return render(self.request, self.template_name_signup_closed, context)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"admission": self.admission}

    def get_context_data(self, **kwargs):
        return super().get_context_data(admission=self.admission, **kwargs)

    def form_valid(self, form):
        try:
            return super().form_valid(form)
        except IntegrityError:
            # Someone took the username or email after it was checked. The form determines which one.
            form.full_clean()
            if form.is_valid():
                raise
            return self.form_invalid(form)
        except rate_limits.RateLimitExceeded as error:
            rate_limits.refuse(self.request, error.wait)
            form.add_error(None, str(error))
            return self.form_invalid(form)
        except (SignupRefused, InvitationRefused) as error:
            # The last use of the invitation was taken after it was checked, for example.
            form.add_error(None, getattr(error, "message", str(error)))
            form.add_error("password1", _("Enter your password again."))
            return self.form_invalid(form)


@method_decorator([login_not_required, pending_too], name="dispatch")
class InvitedView(SignupView):
    """The page that an invitation links to. People who wait for approval can use the invitation, too."""

    def dispatch(self, request, *args, **kwargs):
        user = request.user
        if user.is_authenticated and user.is_pending:
            return self.use(request) if request.method == "POST" else self.offer(request)
        if user.is_authenticated:
            messages.info(request, _("You're already a member, so you don't need the invitation."))
            return redirect(home_path())
        return super().dispatch(request, *args, **kwargs)

    def offer(self, request, refusal=""):
        context = {
            "admission": self.admission,
            "refusal": refusal or self.admission.refusal or self.admission.invitation_refusal,
        }
        return render(request, "accounts/invitation_for_applicant.html", context)

    def use(self, request):
        if not self.admission.invitation or self.admission.refusal:
            return self.offer(request)

        def handle():
            use_invitation(request.user, self.admission.invitation)
            return redirect("accounts:welcome")

        try:
            return in_one_transaction(request, handle)
        except InvitationRefused as error:
            return self.offer(request, error.message)
