from accounts.emails.views import EmailPreviewView, EmailStyleView, TrustAddressView
from accounts.moderation.views import PersonReportView
from accounts.notifications.views import NotificationsView, UnsubscribeView
from accounts.views.auth import (
    ConfirmEmailView,
    EmailView,
    LoginView,
    PasswordChangeView,
    PasswordResetFromKeyView,
    PasswordSetView,
    ReauthenticateView,
)
from accounts.views.decisions import AppealView, DecisionsView, SuspendedView
from accounts.views.passwords import PasswordCheckView
from accounts.views.people import BlocksView, FollowersView, FollowingView, MutesView, PeopleView
from accounts.views.profile import (
    LeaveView,
    LocaleSettingsView,
    NotificationSettingsView,
    ProfileSettingsView,
    SettingsView,
)
from accounts.views.relationships import (
    BlockView,
    FollowView,
    MuteView,
    RemoveFollowerView,
    UnblockView,
    UnfollowView,
    UnmuteView,
)
from accounts.views.signup import SignupView
from accounts.views.welcome import WelcomePeopleView, WelcomeView

__all__ = [
    "AppealView",
    "BlockView",
    "BlocksView",
    "ConfirmEmailView",
    "DecisionsView",
    "EmailPreviewView",
    "EmailStyleView",
    "EmailView",
    "FollowView",
    "FollowersView",
    "FollowingView",
    "LeaveView",
    "LocaleSettingsView",
    "LoginView",
    "MuteView",
    "MutesView",
    "NotificationSettingsView",
    "NotificationsView",
    "PasswordChangeView",
    "PasswordCheckView",
    "PasswordResetFromKeyView",
    "PasswordSetView",
    "PeopleView",
    "PersonReportView",
    "ProfileSettingsView",
    "ReauthenticateView",
    "RemoveFollowerView",
    "SettingsView",
    "SignupView",
    "SuspendedView",
    "TrustAddressView",
    "UnblockView",
    "UnfollowView",
    "UnmuteView",
    "UnsubscribeView",
    "WelcomePeopleView",
    "WelcomeView",
]
