from django.urls import path

from accounts import converters, views  # noqa: F401 (<username:...> comes from converters)

app_name = "accounts"
urlpatterns = [
    path("@<username:username>/followers/", views.FollowersView.as_view(), name="followers"),
    path("@<username:username>/following/", views.FollowingView.as_view(), name="following"),
    path("@<username:username>/follow/", views.FollowView.as_view(), name="follow"),
    path("@<username:username>/unfollow/", views.UnfollowView.as_view(), name="unfollow"),
    path("users/", views.PeopleView.as_view(), name="index"),
    path("users/settings/", views.SettingsView.as_view(), name="settings"),
    path("users/unsubscribe/<str:token>/", views.UnsubscribeView.as_view(), name="unsubscribe"),
]
