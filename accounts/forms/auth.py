"""allauth's forms for sign-up, login, email and password, with our labels and rules."""

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.internal.ratelimit import get_ip
from django import forms
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.common.addresses import email_key, is_email
from accounts.common.app_settings import app_settings
from accounts.common.fields import EmailField, FreeTextFormField
from accounts.common.locale import known_zone
from accounts.joining.admission import Admission
from accounts.models import RetiredUsername, User
from accounts.models.user import must_confirm_email
from accounts.passwords import keep_session, prepared
from accounts.security import rate_limits

# What to do about an empty field, by its name.
REQUIRED = {
    "username": _("Choose a username."),
    "email": _("Enter your email."),
    "login": _("Enter your username or email."),
    "password": _("Enter your password."),
    "oldpassword": _("Enter your current password."),
    "password1": _("Choose a password."),
    "password2": _("Enter the new password again."),
}


class BaseForm:
    """Says what is missing in an empty field, and prepares passwords.

    Removes placeholders that repeat the label, and shortens the help text of passwords.

    With htmx, a new password is checked at each pause while it is typed: see PasswordCheckView.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            if name in REQUIRED:
                field.error_messages["required"] = REQUIRED[name]
            if name == "password1":
                field.help_text = _("At least 8 characters.")
                self._check_while_typed(field)

    def _check_while_typed(self, field):
        """Let htmx send the password to PasswordCheckView at each pause, and show the errors that it returns."""
        # The template shows the errors in an element with this id, which assistive technology announces when it changes.
        field.errors_id = "id_password1_errors"
        field.widget.attrs |= {
            "aria-describedby": f"id_password1_helptext {field.errors_id}",
            "data-hx-post": reverse("accounts:check-password"),
            "data-hx-trigger": "input changed delay:600ms",
            "data-hx-target": f"#{field.errors_id}",
            "data-hx-sync": "this:queue last",
            # Not the old password, or a repeated one.
            "data-hx-params": "csrfmiddlewaretoken,username,email,password1",
        }

    def clean_password1(self):
        return prepared(self.cleaned_data["password1"])

    def clean_password2(self):
        return prepared(self.cleaned_data["password2"])


class LoginForm(BaseForm, allauth_forms.LoginForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Username or email")
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "autocapitalize": "none"}
        self.fields["password"].help_text = ""
        self.fields["remember"].label = _("Remember me")

    def clean_login(self):
        # allauth adds an address to the account if it doesn't find it in this form.
        login = super().clean_login()
        return email_key(login) if is_email(login) else login


class SignupForm(BaseForm, allauth_forms.SignupForm):
    email = EmailField()
    # Filled in by forms.js. A plain Field accepts any text, because nobody can correct an error in a hidden field.
    time_zone = forms.Field(required=False, widget=forms.HiddenInput(attrs={"data-time-zone": True}))

    def __init__(self, *args, admission=None, **kwargs):
        """`admission` says what this visitor has to do to join. Without one, the visitor has no invitation."""
        super().__init__(*args, **kwargs)
        self.admission = admission or Admission.now()
        if self.admission.asks_why:
            self.fields["why"] = FreeTextFormField(
                label=_("Why do you want to join?"),
                help_text=_("Moderators read this, and nobody else."),
                characters=500,
                widget=forms.Textarea(attrs={"rows": 4}),
                error_messages={"required": _("Say in a few words why you want to join.")},
            )
        self.fields["username"].help_text = User._meta.get_field("username").help_text
        self.fields["username"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        self.fields["email"].label = _("Email")

    def clean_time_zone(self):
        """Return the name of the browser's time zone, or "" if it isn't known."""
        return known_zone(self.cleaned_data["time_zone"])

    def validate_unique_email(self, email):
        """Reject an address that belongs to an account, unless addresses must be confirmed.

        If addresses must be confirmed, the email to that address says that an account exists. Someone who wants to change to
        this address but hasn't confirmed it doesn't keep its owner from signing up.
        """
        if not must_confirm_email() and User.objects.with_email(email).exists():
            raise get_adapter().validation_error("email_taken")
        return email

    def clean(self):
        """Prepare the account without storing it. Hash the password here, before anything is locked."""
        data = super().clean()
        if self.admission.refusal:
            self.add_error(None, self.admission.refusal)
        if self.errors and "password1" in self.cleaned_data:
            # The page with the errors doesn't contain the password.
            self.add_error("password1", _("Enter your password again."))
        if not self.errors:
            adapter = get_adapter()
            self.account = adapter.save_user(
                context.request, adapter.new_user(context.request), self, commit=False
            )
        return data

    def save(self, request):
        """Store the account and its address. Returns the User.

        If addresses must be confirmed, the account has none until then. This means that signing up works the same whether or
        not another account has that address, and that several people can sign up with it.

        Raises SignupRefused or InvitationRefused if this visitor may not join, RateLimitExceeded if too many accounts were created from one IP address (or one /64 of IPv6),
        and IntegrityError if someone took the username or the address after they were checked.
        """
        rate_limits.hit("signup", get_ip(request), app_settings.SIGNUP_LIMIT)
        email = self.cleaned_data["email"]
        if must_confirm_email():
            self.account.email = None
        else:
            EmailAddress.objects.filter(email=email, verified=False, primary=False).delete()
        self.admission.admit(self.account, self.cleaned_data.get("why", ""))
        # If the owner of the username has just left, the name is no longer taken. It is retired.
        if RetiredUsername.objects.filter(username=self.account.username).exists():
            raise IntegrityError("The username was retired meanwhile.")
        address = EmailAddress.objects.create(user=self.account, email=email, primary=True)
        EmailAddress.objects.fill_cache_for_user(self.account, [address])
        return self.account


class ChangeEmailForm(BaseForm, allauth_forms.AddEmailForm):
    email = EmailField()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("New email")

    def save(self, request):
        """Store the new address in place of earlier unconfirmed ones, and email a link to it. Returns the EmailAddress.

        The current address stays until the new one is confirmed, even if it was never confirmed itself.
        """
        with transaction.atomic():
            self.user.pending_addresses().delete()
            address = EmailAddress.objects.create(user=self.user, email=self.cleaned_data["email"])
        send_verification_email_to_address(request, address)
        return address


class ResetPasswordForm(BaseForm, allauth_forms.ResetPasswordForm):
    """Emails only the owner of the address, not someone who wants to change to it."""

    email = EmailField()

    def clean_email(self):
        email = self.cleaned_data["email"]
        self.users = User.objects.reached_at(email)
        return email


class RequestLoginCodeForm(BaseForm, allauth_forms.RequestLoginCodeForm):
    """Also sends a code only to the owner of the address."""

    email = EmailField()

    def clean_email(self):
        email = super().clean_email()
        self._user = next(iter(User.objects.reached_at(email)), None)
        return email


class NewPasswordForm(BaseForm):
    """Hashes the new password during validation, because hashing is slow and saving holds a lock."""

    def clean(self):
        data = super().clean()
        if not self.errors:
            self.user.set_password(data["password1"])
        return data

    def save(self):
        get_adapter().store_password(self.user)


class ChangePasswordForm(NewPasswordForm, allauth_forms.ChangePasswordForm):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].help_text = ""

    def clean_oldpassword(self):
        password = super().clean_oldpassword()
        keep_session(context.request, self.user)
        return password


class SetPasswordForm(NewPasswordForm, allauth_forms.SetPasswordForm):
    pass


class ResetPasswordKeyForm(NewPasswordForm, allauth_forms.ResetPasswordKeyForm):
    pass


class ReauthenticateForm(BaseForm, allauth_forms.ReauthenticateForm):
    pass
