from accounts.views.actions import BlockView, FollowView, RemoveFollowerView, UnblockView, UnfollowView
from accounts.views.own import LeaveView, SettingsView, UnsubscribeView
from accounts.views.people import BlocksView, FollowersView, FollowingView, PeopleView
from accounts.views.signup import SignupView

__all__ = [
    "BlockView",
    "BlocksView",
    "FollowView",
    "FollowersView",
    "FollowingView",
    "LeaveView",
    "PeopleView",
    "RemoveFollowerView",
    "SettingsView",
    "SignupView",
    "UnblockView",
    "UnfollowView",
    "UnsubscribeView",
]
