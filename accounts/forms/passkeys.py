"""allauth's forms about passkeys, for which a browser's script fills in what the authenticator said."""

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn import forms as allauth_forms
from django import forms
from django.utils.translation import gettext_lazy as _
from fido2.webauthn import AuthenticationResponse, RegistrationResponse


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


class AddPasskeyForm(allauth_forms.AddWebAuthnForm):
    name = forms.CharField(label=_("Name of the passkey"), required=False)
    credential = CredentialField(RegistrationResponse)


class RenamePasskeyForm(allauth_forms.EditWebAuthnForm):
    name = forms.CharField(label=_("Name of the passkey"))


class AuthenticatePasskeyForm(allauth_forms.AuthenticateWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)


class LoginPasskeyForm(allauth_forms.LoginWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)


class ReauthenticatePasskeyForm(allauth_forms.ReauthenticateWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)
