from accounts.views.actions import BlockView, FollowView, RemoveFollowerView, UnblockView, UnfollowView
from accounts.views.mail import MailPreviewView, MailStyleView, TrustAddressView, UnsubscribeView
from accounts.views.own import LeaveView, SettingsView
from accounts.views.people import BlocksView, FollowersView, FollowingView, PeopleView
from accounts.views.signup import SignupView

__all__ = [
    "BlockView",
    "BlocksView",
    "FollowView",
    "FollowersView",
    "FollowingView",
    "LeaveView",
    "MailPreviewView",
    "MailStyleView",
    "PeopleView",
    "RemoveFollowerView",
    "SettingsView",
    "SignupView",
    "TrustAddressView",
    "UnblockView",
    "UnfollowView",
    "UnsubscribeView",
]
