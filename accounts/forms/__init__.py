from accounts.forms.entrance import (
    ChangePasswordForm,
    LoginForm,
    ReauthenticateForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
    SignupForm,
)
from accounts.forms.own import LeaveForm, ProfileForm
from accounts.forms.passkeys import (
    AddPasskeyForm,
    AuthenticatePasskeyForm,
    LoginPasskeyForm,
    ReauthenticatePasskeyForm,
)

__all__ = [
    "AddPasskeyForm",
    "AuthenticatePasskeyForm",
    "ChangePasswordForm",
    "LeaveForm",
    "LoginForm",
    "LoginPasskeyForm",
    "ProfileForm",
    "ReauthenticateForm",
    "ReauthenticatePasskeyForm",
    "ResetPasswordForm",
    "ResetPasswordKeyForm",
    "SetPasswordForm",
    "SignupForm",
]
