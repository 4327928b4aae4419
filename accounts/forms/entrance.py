"""Ways in: allauth's forms with our words."""

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.internal.ratelimit import get_ip
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts import rate_limits
from accounts.addresses import email_key, is_email
from accounts.forms.fields import EmailField
from accounts.models import RetiredUsername, User
from accounts.models.user import must_confirm_email
from accounts.passwords import keep_session, prepared


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

    def validate_unique_email(self, email):
        """Refuse the address of an account, unless its owner must confirm it: then the email sent there says so.

        Whoever only asked to change to this address, and never confirmed it, does not keep its owner out.
        """
        if not must_confirm_email() and User.objects.with_email(email).exists():
            raise get_adapter().validation_error("email_taken")
        return email

    def clean(self):
        """Prepare the account. Its password is hashed here, as nothing is locked yet, and is not stored."""
        data = super().clean()
        if not self.errors:
            adapter = get_adapter()
            self.account = adapter.save_user(
                context.request, adapter.new_user(context.request), self, commit=False
            )
        return data

    def save(self, request):
        """Store the account and its address. Returns the User.

        Raises RateLimitExceeded if too many accounts were made from one address on the network (of IPv6: from one /64), and
        IntegrityError if somebody took the name or the address since they were checked.

        Where an address must be confirmed, it becomes the account's only then. So it makes no difference whether it
        belongs to another account, and several people may try.
        """
        rate_limits.hit("signup", get_ip(request), rate_limits.limit("SIGNUP_LIMIT", (5, 3600)))
        email = self.cleaned_data["email"]
        if must_confirm_email():
            self.account.email = None
        else:
            EmailAddress.objects.filter(email=email, verified=False, primary=False).delete()
        self.account.save()
        # Its owner may have left in this moment: the name was free, and must not be taken.
        if RetiredUsername.objects.filter(username=self.account.username).exists():
            raise IntegrityError("The username was retired meanwhile.")
        address = EmailAddress.objects.create(user=self.account, email=email, primary=True)
        EmailAddress.objects.fill_cache_for_user(self.account, [address])
        return self.account


class ChangeEmailForm(PlainForm, allauth_forms.AddEmailForm):
    email = EmailField()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("New email")

    def save(self, request):
        """Replace what was asked for before, and mail a link. Returns the EmailAddress.

        The current address stays until the new one is confirmed, whether or not it was itself.
        """
        with transaction.atomic():
            self.user.pending_addresses().delete()
            address = EmailAddress.objects.create(user=self.user, email=self.cleaned_data["email"])
        send_verification_email_to_address(request, address)
        return address


class ResetPasswordForm(PlainForm, allauth_forms.ResetPasswordForm):
    """Emails only those whose address it is, not those who once asked to change to it."""

    email = EmailField()

    def clean_email(self):
        email = self.cleaned_data["email"]
        self.users = User.objects.reached_at(email)
        return email


class RequestLoginCodeForm(PlainForm, allauth_forms.RequestLoginCodeForm):
    """Sends a code only to those whose address it is, too."""

    email = EmailField()

    def clean_email(self):
        email = super().clean_email()
        self._user = next(iter(User.objects.reached_at(email)), None)
        return email


class NewPasswordForm(PlainForm):
    """Hashes the new password when the form is checked: it takes long, and what stores it holds a lock."""

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


class ReauthenticateForm(PlainForm, allauth_forms.ReauthenticateForm):
    pass
