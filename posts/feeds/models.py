from secrets import token_hex

from django.conf import settings
from django.core import signing
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

# The separator is a dot because dots have no special meaning in this part of a URL.
_signer = signing.Signer(salt="posts.home_feed", sep=".")


class HomeFeed(models.Model):
    """A private link to a member's home timeline, for feed readers, which can't log in.

    The link contains a token, which is the signed key of the row. So the site can show the token again, the database alone isn't
    enough to create one, and a guess is refused without a query.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="home_feed"
    )
    key = models.CharField(max_length=32, unique=True)
    created_on = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("private feed")
        verbose_name_plural = _("private feeds")

    def __str__(self):
        return f"{self.user_id}: {self.created_on:%Y-%m-%d}"

    @property
    def token(self):
        return _signer.sign(self.key)

    @classmethod
    def renew(cls, user, now):
        """Create a new token for `user`. Returns whether it replaced an old one. Raises AccountGone if they have left."""
        new = {"key": token_hex(16), "created_on": now}
        with transaction.atomic():
            user.lock()
            _feed, created = cls.objects.update_or_create(user=user, defaults=new)
        return not created

    @classmethod
    def revoke(cls, user):
        """Delete the token of `user`. Returns whether there was one."""
        deleted, _by_model = cls.objects.filter(user=user).delete()
        return bool(deleted)

    @classmethod
    def reader_of(cls, token):
        """Return the member whose token this is, or None if it is invalid or revoked, or if the member is suspended."""
        try:
            key = _signer.unsign(token)
        except signing.BadSignature:
            return None
        feed = cls.objects.filter(key=key, user__suspended_on=None).select_related("user").first()
        return feed and feed.user
