from django.urls import path

from accounts import views  # noqa: F401 (<username:...> comes from converters)
from accounts.common import converters  # noqa: F401 (<username:...> comes from converters)

app_name = "accounts"
urlpatterns = [
    path("@<username:username>/followers/", views.FollowersView.as_view(), name="followers"),
    path("@<username:username>/following/", views.FollowingView.as_view(), name="following"),
    path("@<username:username>/follow/", views.FollowView.as_view(), name="follow"),
    path("@<username:username>/unfollow/", views.UnfollowView.as_view(), name="unfollow"),
    path("@<username:username>/mute/", views.MuteView.as_view(), name="mute"),
    path("@<username:username>/unmute/", views.UnmuteView.as_view(), name="unmute"),
    path("@<username:username>/block/", views.BlockView.as_view(), name="block"),
    path("@<username:username>/unblock/", views.UnblockView.as_view(), name="unblock"),
    path("@<username:username>/remove-follower/", views.RemoveFollowerView.as_view(), name="remove-follower"),
    path("@<username:username>/report/", views.PersonReportView.as_view(), name="report"),
    path("users/invited/<str:token>/", views.InvitedView.as_view(), name="invited"),
    path("users/invitations/", views.InvitationsView.as_view(), name="invitations"),
    path(
        "users/invitations/<int:pk>/revoke/", views.RevokeInvitationView.as_view(), name="revoke-invitation"
    ),
    path("users/application/", views.ApplicationView.as_view(), name="application"),
    path("users/mutes/", views.MutesView.as_view(), name="mutes"),
    path("users/blocks/", views.BlocksView.as_view(), name="blocks"),
    path("users/", views.PeopleView.as_view(), name="index"),
    path("notifications/", views.NotificationsView.as_view(), name="notifications"),
    path("users/announcements/<int:pk>/dismiss/", views.DismissAnnouncementView.as_view(), name="dismiss"),
    path("users/rules/", views.AcceptRulesView.as_view(), name="accept-rules"),
    path("users/decisions/", views.DecisionsView.as_view(), name="decisions"),
    path("users/decisions/<int:pk>/appeal/", views.AppealView.as_view(), name="appeal"),
    path("users/suspended/", views.SuspendedView.as_view(), name="suspended"),
    path("users/welcome/", views.WelcomeView.as_view(), name="welcome"),
    path("users/welcome/people/", views.WelcomePeopleView.as_view(), name="welcome-people"),
    path("users/password/check/", views.PasswordCheckView.as_view(), name="check-password"),
    path("users/leave/", views.LeaveView.as_view(), name="leave"),
    path("users/settings/", views.SettingsView.as_view(), name="settings"),
    path("users/settings/profile/", views.ProfileSettingsView.as_view(), name="settings-profile"),
    path("users/settings/emails/", views.NotificationSettingsView.as_view(), name="settings-emails"),
    path("users/settings/locale/", views.LocaleSettingsView.as_view(), name="settings-locale"),
    path("users/settings/mail/<slug:name>/", views.EmailPreviewView.as_view(), name="email-preview"),
    path("users/settings/address/", views.TrustAddressView.as_view(), name="trust-address"),
    path("users/mail.css", views.EmailStyleView.as_view(), name="email-style"),
    path("users/unsubscribe/<str:token>/", views.UnsubscribeView.as_view(), name="unsubscribe"),
]
