"""Settings for a project with both apps, including those in accounts/defaults.py: `from posts.defaults import *`."""

from django.urls import reverse

from accounts.defaults import *  # noqa: F403
from accounts.defaults import ACCOUNTS_APPS

POSTS_APPS = ["posts", *ACCOUNTS_APPS]

BASE_TEMPLATE = "posts/base.html"
HOME_URL = LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "posts:home"
# This loads the member's reading position in the same query.
USER_SELECT_RELATED = ["read_marker"]
ABSOLUTE_URL_OVERRIDES = {
    "accounts.user": lambda user: reverse("posts:profile", args=[user.username]),
}
