"""Signed links that turn one kind of mail off without a log-in (RFC 8058)."""

from django.contrib.auth import get_user_model
from django.core import signing
from django.urls import reverse

from accounts.emails import kinds
from accounts.links import absolute

SALT = "accounts.unsubscribe"


def unsubscribe_url(user, kind):
    """The absolute address under which `user` turns mails of `kind`, a MailKind, off. It does not expire."""
    token = signing.dumps([user.pk, kind.name], salt=SALT, compress=True)
    return absolute(reverse("accounts:unsubscribe", args=[token]))


def read_token(token):
    """Return the user and the MailKind that `token` was made for.

    Raises signing.BadSignature if it was cut or altered, or if there is no such user or kind any more.
    """
    user_id, name = signing.loads(token, salt=SALT)
    user = get_user_model().objects.filter(pk=user_id).first()
    kind = {kind.name: kind for kind in kinds.optional_kinds()}.get(name)
    if user is None or kind is None:
        raise signing.BadSignature("Nobody to unsubscribe.")
    return user, kind
