from secrets import token_hex

from django.conf import settings
from django.core import signing
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

# A dot is the separator: it means nothing in an address.
_signer = signing.Signer(salt="posts.home_feed", sep=".")


class HomeFeed(models.Model):
    """That a member reads their home timeline in a feed reader, which cannot log in: its address holds a token.

    The token is the row's key, signed. So it can be shown again, but not made from the database alone; and a guess is
    refused without asking the database.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="home_feed"
    )
    key = models.CharField(max_length=32, unique=True)
    created_on = models.DateTimeField(_("made"))

    class Meta:
        verbose_name = _("home feed")
        verbose_name_plural = _("home feeds")

    def __str__(self):
        return f"{self.user_id}: {self.created_on:%Y-%m-%d}"

    @property
    def token(self):
        return _signer.sign(self.key)

    @classmethod
    def renew(cls, user, now):
        """Give `user` a new token. Returns whether they had one, which is void now. Raises AccountGone if they have left."""
        new = {"key": token_hex(16), "created_on": now}
        with transaction.atomic():
            user.lock()
            _feed, created = cls.objects.update_or_create(user=user, defaults=new)
        return not created

    @classmethod
    def revoke(cls, user):
        """Void the token of `user`, if there is one. Returns whether there was."""
        deleted, _by_model = cls.objects.filter(user=user).delete()
        return bool(deleted)

    @classmethod
    def reader_of(cls, token):
        """The member whose token this is, or None if it is nobody's, void, or of somebody suspended."""
        try:
            key = _signer.unsign(token)
        except signing.BadSignature:
            return None
        feed = cls.objects.filter(key=key, user__suspended_on=None).select_related("user").first()
        return feed and feed.user
