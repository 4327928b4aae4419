"""allauth's pages, each in one transaction.

Where a form checks or hashes a password, the transaction begins after that.
"""

from allauth.account import views
from allauth.account.models import EmailAddress

from accounts.common.transactions import AtomicFormMixin


class LoginView(AtomicFormMixin, views.LoginView):
    pass


class ReauthenticateView(AtomicFormMixin, views.ReauthenticateView):
    pass


class PasswordChangeView(AtomicFormMixin, views.PasswordChangeView):
    pass


class PasswordSetView(AtomicFormMixin, views.PasswordSetView):
    pass


class PasswordResetFromKeyView(AtomicFormMixin, views.PasswordResetFromKeyView):
    pass


class EmailView(views.EmailView):
    def _action_primary(self, request):
        """Do nothing, as for an unknown action. Only confirming an address makes it the current one."""

    def get_context_data(self, **kwargs):
        """Show the current address while the member is changing it, even if it was never confirmed."""
        context = super().get_context_data(**kwargs)
        pending = self.request.user.pending_addresses()
        if new := pending.last():
            current = EmailAddress.objects.filter(user=self.request.user).exclude(pk__in=pending)
            context |= {
                "new_emailaddress": new,
                "current_emailaddress": current.order_by("-primary", "-verified", "pk").first(),
            }
        return context


class ConfirmEmailView(views.ConfirmEmailView):
    def logout_other_user(self, confirmation):
        """Log out another user when they confirm the address, not when they open the link."""
        if self.request.method == "POST":
            super().logout_other_user(confirmation)
