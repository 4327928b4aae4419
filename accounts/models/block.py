from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Block(models.Model):
    """A block of one person by another. Only `User.block()` and `User.unblock()` write these rows."""

    blocker = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,
        related_name="blocks",
        verbose_name=_("blocker"),
    )
    blocked = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,
        related_name="blocked_by",
        verbose_name=_("blocked"),
    )
    created_on = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("block")
        verbose_name_plural = _("blocks")
        constraints = [
            models.UniqueConstraint(fields=["blocker", "blocked"], name="block_unique"),
            models.CheckConstraint(
                name="block_not_oneself", condition=~models.Q(blocker=models.F("blocked"))
            ),
        ]
        # A block hides both people from each other, so each direction has an index that contains all needed columns.
        indexes = [models.Index(fields=["blocked", "blocker"], name="block_blocked_blocker")]

    def __str__(self):
        return f"{self.blocker} ✕ {self.blocked}"

    @classmethod
    def exists_between(cls, one, other):
        """Return whether either of the two has blocked the other."""
        pair = models.Q(blocker=one, blocked=other) | models.Q(blocker=other, blocked=one)
        return cls.objects.filter(pair).exists()
