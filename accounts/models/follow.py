from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class FollowQuerySet(models.QuerySet):
    def neighbours_of(self, user_pk):
        """Return a list of the primary keys of a person's followers and of the people they follow."""
        followed = self.filter(follower=user_pk).values_list("followed", flat=True)
        followers = self.filter(followed=user_pk).values_list("follower", flat=True)
        return list(followed.union(followers))


class Follow(models.Model):
    """A follow of one person by another. Only `User.follow()` and `User.unfollow()` write these rows."""

    follower = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,
        related_name="followings",
        verbose_name=_("follower"),
    )
    followed = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,
        related_name="followed_by",
        verbose_name=_("followed"),
    )
    created_on = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    objects = FollowQuerySet.as_manager()

    class Meta:
        verbose_name = _("follow")
        verbose_name_plural = _("follows")
        constraints = [
            models.UniqueConstraint(fields=["follower", "followed"], name="follow_unique"),
            models.CheckConstraint(
                name="follow_not_oneself", condition=~models.Q(follower=models.F("followed"))
            ),
        ]
        indexes = [
            # The first index is enough to count someone's followers. The second index lists them, newest first.
            models.Index(fields=["followed", "follower"], name="follow_followed_follower"),
            models.Index(fields=["followed", "-id"], name="follow_followed_newest"),
        ]

    def __str__(self):
        return f"{self.follower} → {self.followed}"
