"""Sign-up, login and account security. A project includes these URLs under a path of its choice."""

from allauth.account import urls as account_urls
from django.urls import include, path, re_path

from accounts import views
from accounts.common.installed import HAS_MFA, HAS_USER_SESSIONS
from accounts.common.transactions import atomic_post, atomic_posts

urlpatterns = [
    path("signup/", views.SignupView.as_view(), name="account_signup"),
    path("login/", views.LoginView.as_view(), name="account_login"),
    path("reauthenticate/", views.ReauthenticateView.as_view(), name="account_reauthenticate"),
    path("password/change/", views.PasswordChangeView.as_view(), name="account_change_password"),
    path("password/set/", views.PasswordSetView.as_view(), name="account_set_password"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.PasswordResetFromKeyView.as_view(),
        name="account_reset_password_from_key",
    ),
    path("email/", atomic_post(views.EmailView.as_view()), name="account_email"),
    re_path(
        r"^confirm-email/(?P<key>[-:\w]+)/$",
        atomic_post(views.ConfirmEmailView.as_view()),
        name="account_confirm_email",
    ),
    path("", include(atomic_posts(account_urls.urlpatterns))),
]

if HAS_MFA:
    from allauth.mfa import urls as mfa_urls

    urlpatterns.append(path("2fa/", include(atomic_posts(mfa_urls.urlpatterns))))

if HAS_USER_SESSIONS:
    from allauth.usersessions import urls as usersessions_urls

    from accounts.views.sessions import EndSessionView

    urlpatterns += [
        path("sessions/", include(atomic_posts(usersessions_urls.urlpatterns))),
        path("sessions/<int:pk>/end/", atomic_post(EndSessionView.as_view()), name="usersessions_end"),
    ]
