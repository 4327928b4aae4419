"""allauth's forms about second factors and passkeys; for the latter a browser's script fills in what the authenticator said."""

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as allauth_totp_forms
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn import forms as allauth_forms
from django import forms
from django.utils.translation import gettext_lazy as _
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from accounts.text_fields import FreeTextFormField


class ActivateTOTPForm(allauth_totp_forms.ActivateTOTPForm):
    def clean_code(self):
        """The code that sets an authenticator up has been used: it does not log in as well."""
        code = super().clean_code()
        TOTP(Authenticator(user=self.user))._mark_code_used(code)
        return code


class CredentialField(forms.JSONField):
    """What an authenticator said, as JSON that can be read as `response_class`; anything else is a wrong code.

    allauth leaves some of what can be wrong with it to be crashed on.
    """

    widget = forms.HiddenInput

    def __init__(self, response_class):
        super().__init__()
        self.response_class = response_class

    def to_python(self, value):
        credential = super().to_python(value)
        try:
            self.response_class.from_dict(credential or {})
        except Exception as error:  # The library raises whatever it meets.
            raise get_adapter().validation_error("incorrect_code") from error
        return credential


class PasskeyNameField(FreeTextFormField):
    """What its owner calls a passkey."""

    def __init__(self, **kwargs):
        super().__init__(label=_("Name of the passkey"), characters=50, one_line=True, **kwargs)


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
