from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class MuteQuerySet(models.QuerySet):
    def ended(self, now):
        """Return the mutes that ended before the datetime `now`."""
        return self.filter(until__lte=now)


class Mute(models.Model):
    """A mute of one person by another, who isn't told. Only `User.mute()` and `User.unmute()` write these rows.

    Queries ignore `until`: a task deletes rows within a minute after that time.
    """

    muter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,
        related_name="mutes",
        verbose_name=_("muter"),
    )
    muted = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,
        related_name="muted_by",
        verbose_name=_("muted"),
    )
    created_on = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    # Null if the mute lasts until it is undone.
    until = models.DateTimeField(_("until"), null=True, blank=True)

    objects = MuteQuerySet.as_manager()

    class Meta:
        verbose_name = _("mute")
        verbose_name_plural = _("mutes")
        constraints = [
            models.UniqueConstraint(fields=["muter", "muted"], name="mute_unique"),
            models.CheckConstraint(name="mute_not_oneself", condition=~models.Q(muter=models.F("muted"))),
        ]
        indexes = [
            # For deleting the rows of a person who leaves.
            models.Index(fields=["muted"], name="mute_muted"),
            # For the task that ends mutes.
            models.Index(fields=["until"], name="mute_until", condition=models.Q(until__isnull=False)),
        ]

    def __str__(self):
        return f"{self.muter} mutes {self.muted}"
