from accounts.forms.entrance import (
    ChangeEmailForm,
    ChangePasswordForm,
    LoginForm,
    ReauthenticateForm,
    RequestLoginCodeForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
    SignupForm,
)
from accounts.forms.factors import (
    ActivateTOTPForm,
    AddPasskeyForm,
    AuthenticatePasskeyForm,
    LoginPasskeyForm,
    ReauthenticatePasskeyForm,
    RenamePasskeyForm,
)
from accounts.forms.own import LeaveForm, ProfileForm

__all__ = [
    "ActivateTOTPForm",
    "AddPasskeyForm",
    "AuthenticatePasskeyForm",
    "ChangeEmailForm",
    "ChangePasswordForm",
    "LeaveForm",
    "LoginForm",
    "LoginPasskeyForm",
    "ProfileForm",
    "ReauthenticateForm",
    "ReauthenticatePasskeyForm",
    "RenamePasskeyForm",
    "RequestLoginCodeForm",
    "ResetPasswordForm",
    "ResetPasswordKeyForm",
    "SetPasswordForm",
    "SignupForm",
]
