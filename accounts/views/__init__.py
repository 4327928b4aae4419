from accounts.views.actions import BlockView, FollowView, RemoveFollowerView, UnblockView, UnfollowView
from accounts.views.auth import (
    ConfirmEmailView,
    EmailView,
    LoginView,
    PasswordChangeView,
    PasswordResetFromKeyView,
    PasswordSetView,
    ReauthenticateView,
)
from accounts.views.mail import MailPreviewView, MailStyleView, TrustAddressView, UnsubscribeView
from accounts.views.own import LeaveView, SettingsView
from accounts.views.people import BlocksView, FollowersView, FollowingView, PeopleView
from accounts.views.signup import SignupView

__all__ = [
    "BlockView",
    "BlocksView",
    "ConfirmEmailView",
    "EmailView",
    "FollowView",
    "FollowersView",
    "FollowingView",
    "LeaveView",
    "LoginView",
    "MailPreviewView",
    "MailStyleView",
    "PasswordChangeView",
    "PasswordResetFromKeyView",
    "PasswordSetView",
    "PeopleView",
    "ReauthenticateView",
    "RemoveFollowerView",
    "SettingsView",
    "SignupView",
    "TrustAddressView",
    "UnblockView",
    "UnfollowView",
    "UnsubscribeView",
]
