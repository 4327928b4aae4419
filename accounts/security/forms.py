"""allauth's forms for two-step login and passkeys. With passkeys, a script fills in the response of the authenticator."""

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as allauth_totp_forms
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn import forms as allauth_forms
from django import forms
from django.utils.translation import gettext_lazy as _
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from accounts.common.fields import FreeTextFormField


class ActivateTOTPForm(allauth_totp_forms.ActivateTOTPForm):
    def clean_code(self):
        """Mark the code as used, so that it can't also be used to log in."""
        code = super().clean_code()
        TOTP(Authenticator(user=self.user))._mark_code_used(code)
        return code


class CredentialField(forms.JSONField):
    """The JSON response of an authenticator, checked with `response_class`. Anything else is an incorrect code.

    allauth checks less, and some invalid responses would cause a server error.
    """

    widget = forms.HiddenInput

    def __init__(self, response_class):
        super().__init__()
        self.response_class = response_class

    def to_python(self, value):
        credential = super().to_python(value)
        try:
            self.response_class.from_dict(credential or {})
        except Exception as error:  # The library raises errors of many classes.
            raise get_adapter().validation_error("incorrect_code") from error
        return credential


class PasskeyNameField(FreeTextFormField):
    """The name that the owner gives to a passkey."""

    def __init__(self, **kwargs):
        super().__init__(label=_("Passkey name"), characters=50, one_line=True, **kwargs)


class AddPasskeyForm(allauth_forms.AddWebAuthnForm):
    name = PasskeyNameField(required=False)
    credential = CredentialField(RegistrationResponse)


class RenamePasskeyForm(allauth_forms.EditWebAuthnForm):
    name = PasskeyNameField()


class AuthenticatePasskeyForm(allauth_forms.AuthenticateWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)


class LoginPasskeyForm(allauth_forms.LoginWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)


class ReauthenticatePasskeyForm(allauth_forms.ReauthenticateWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)
