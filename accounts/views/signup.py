"""The sign-up page."""

import logging

from allauth.account.views import SignupView as AllauthSignupView
from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.db import IntegrityError
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _

from accounts.common.database_errors import is_worth_another_attempt
from accounts.common.transactions import AtomicFormMixin
from accounts.security import rate_limits

logger = logging.getLogger(__name__)


class SignupView(AtomicFormMixin, AllauthSignupView):
    """Like allauth's, but stores the account, address, session and email together, or shows the form again."""

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
