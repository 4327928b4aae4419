from django.urls import path

from accounts import converters, views  # noqa: F401 (<username:...> comes from converters)

app_name = "accounts"
urlpatterns = [
    path("@<username:username>/followers/", views.FollowersView.as_view(), name="followers"),
    path("@<username:username>/following/", views.FollowingView.as_view(), name="following"),
    path("@<username:username>/follow/", views.FollowView.as_view(), name="follow"),
    path("@<username:username>/unfollow/", views.UnfollowView.as_view(), name="unfollow"),
    path("@<username:username>/block/", views.BlockView.as_view(), name="block"),
    path("@<username:username>/unblock/", views.UnblockView.as_view(), name="unblock"),
    path("@<username:username>/remove-follower/", views.RemoveFollowerView.as_view(), name="remove-follower"),
    path("users/blocks/", views.BlocksView.as_view(), name="blocks"),
    path("users/", views.PeopleView.as_view(), name="index"),
    path("users/leave/", views.LeaveView.as_view(), name="leave"),
    path("users/settings/", views.SettingsView.as_view(), name="settings"),
    path("users/settings/mail/<slug:name>/", views.MailPreviewView.as_view(), name="mail-preview"),
    path("users/settings/address/", views.TrustAddressView.as_view(), name="trust-address"),
    path("users/mail.css", views.MailStyleView.as_view(), name="mail-style"),
    path("users/unsubscribe/<str:token>/", views.UnsubscribeView.as_view(), name="unsubscribe"),
]
