"""Ways in: allauth's forms with our words."""

from allauth.account import forms as allauth_forms
from allauth.account.models import EmailAddress
from django.utils.translation import gettext_lazy as _

from accounts.addresses import email_key, is_email
from accounts.forms.fields import EmailField
from accounts.models import User
from accounts.passwords import prepared


class PlainForm:
    """Labels say what a field is for; a placeholder that repeats them only fades away. One line about passwords."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            if name == "password1":
                field.help_text = _("At least 8 characters.")

    def clean_password1(self):
        return prepared(self.cleaned_data["password1"])

    def clean_password2(self):
        return prepared(self.cleaned_data["password2"])


class LoginForm(PlainForm, allauth_forms.LoginForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Username or email")
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "autocapitalize": "none"}
        self.fields["password"].help_text = ""
        self.fields["remember"].label = _("Remember me")

    def clean_login(self):
        # allauth stores an address that it doesn't find among those of whoever logs in.
        login = super().clean_login()
        return email_key(login) if is_email(login) else login


class SignupForm(PlainForm, allauth_forms.SignupForm):
    email = EmailField()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = User._meta.get_field("username").help_text
        self.fields["username"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        self.fields["email"].label = _("Email")

    def clean_email(self):
        # Whoever only asked to change to this address, and never confirmed it, does not keep its owner out.
        claims = EmailAddress.objects.filter(email=self.cleaned_data["email"].lower())
        claims.filter(verified=False, primary=False).delete()
        return super().clean_email()


class ChangeEmailForm(PlainForm, allauth_forms.AddEmailForm):
    email = EmailField()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("New email")


class ResetPasswordForm(PlainForm, allauth_forms.ResetPasswordForm):
    """Mails only those whose address it is, not those who once asked to change to it."""

    email = EmailField()

    def clean_email(self):
        email = super().clean_email()
        self.users = [user for user in self.users if user.email == email]
        return email


class ChangePasswordForm(PlainForm, allauth_forms.ChangePasswordForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].help_text = ""


class SetPasswordForm(PlainForm, allauth_forms.SetPasswordForm):
    pass


class ResetPasswordKeyForm(PlainForm, allauth_forms.ResetPasswordKeyForm):
    pass


class RequestLoginCodeForm(PlainForm, allauth_forms.RequestLoginCodeForm):
    """Sends codes only to those whose address it is, not to those who once asked to change to it."""

    email = EmailField()

    def clean_email(self):
        email = super().clean_email()
        if self._user and self._user.email != email:
            self._user = None
        return email


class ReauthenticateForm(PlainForm, allauth_forms.ReauthenticateForm):
    pass
