"""Signing up."""

import logging

from allauth.account.views import SignupView as AllauthSignupView
from django.db import DatabaseError, IntegrityError
from django.utils.translation import gettext as _

from accounts import rate_limits

logger = logging.getLogger(__name__)


class SignupView(AllauthSignupView):
    """allauth's sign-up, for the moments in which the database says no after the form said yes."""

    def form_valid(self, form):
        try:
            return super().form_valid(form)
        except IntegrityError:
            # Somebody took the name or address since it was checked. The form finds out which.
            form.full_clean()
            if form.is_valid():
                raise
            return self.form_invalid(form)
        except rate_limits.RateLimitExceeded as error:
            rate_limits.refuse(self.request, error.wait)
            form.add_error(None, str(error))
            return self.form_invalid(form)
        except DatabaseError:
            logger.exception("Sign-up could not be stored")
            form.add_error(None, _("Your account could not be stored. Try again in a moment."))
            return self.render_to_response(self.get_context_data(form=form), status=503)
