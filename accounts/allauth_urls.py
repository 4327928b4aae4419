"""Sign-up, log-in and account security, for a project to include under a path of its choice."""

from django.urls import include, path

from accounts.views import SignupView

urlpatterns = [
    path("signup/", SignupView.as_view(), name="account_signup"),
    path("", include("allauth.account.urls")),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
]
