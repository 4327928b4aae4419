"""Signed links that turn off one type of email without a login (RFC 8058)."""

from django.contrib.auth import get_user_model
from django.core import signing
from django.urls import reverse

from accounts.common.links import absolute
from accounts.emails import types

SALT = "accounts.unsubscribe"


def unsubscribe_url(user, email_type):
    """Return the absolute URL at which `user` can turn off `email_type`. The URL doesn't expire."""
    token = signing.dumps([user.pk, email_type.name], salt=SALT, compress=True)
    return absolute(reverse("accounts:unsubscribe", args=[token]))


def read_token(token):
    """Return the user and the EmailType that `token` was made for.

    Raises signing.BadSignature if it was truncated or changed, or if the user or the type no longer exists.
    """
    user_id, name = signing.loads(token, salt=SALT)
    user = get_user_model().objects.filter(pk=user_id).first()
    email_type = types.get(name)
    if user is None or email_type is None or not email_type.is_optional:
        raise signing.BadSignature("There is nothing to turn off.")
    return user, email_type
