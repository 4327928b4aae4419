from accounts.forms.auth import (
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
from accounts.forms.locale import LocaleForm
from accounts.forms.profile import LeaveForm, ProfileForm
from accounts.forms.welcome import WelcomeForm

__all__ = [
    "ChangeEmailForm",
    "ChangePasswordForm",
    "LeaveForm",
    "LocaleForm",
    "LoginForm",
    "ProfileForm",
    "ReauthenticateForm",
    "RequestLoginCodeForm",
    "ResetPasswordForm",
    "ResetPasswordKeyForm",
    "SetPasswordForm",
    "SignupForm",
    "WelcomeForm",
]
