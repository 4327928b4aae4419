"""allauth's pages whose forms check or hash a password: the transaction begins after that."""

from allauth.account import views

from accounts.transactions import AtomicFormMixin


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


class ConfirmEmailView(views.ConfirmEmailView):
    def logout_other_user(self, confirmation):
        """Log out whoever else is logged in, but only when the address is confirmed: opening a link changes nothing."""
        if self.request.method == "POST":
            super().logout_other_user(confirmation)
