from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.append_only import AppendOnly
from accounts.text_fields import FreeTextField


class ModerationAction(AppendOnly):
    """What a moderator did to whom or what, and why. Only ever added to.

    Names and texts are kept as they were, so that the record outlives whom it speaks of.
    """

    class Verb(models.TextChoices):
        HIDE = "hide", _("hid")
        RESTORE = "restore", _("restored")
        DISMISS = "dismiss", _("dismissed the reports of")
        SUSPEND = "suspend", _("suspended")
        REINSTATE = "reinstate", _("reinstated")
        REMOVE_PICTURE = "remove_picture", _("removed the picture of")

    created_on = models.DateTimeField(_("when"), auto_now_add=True)
    moderator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="moderation_actions"
    )
    moderator_name = models.CharField(_("moderator"), max_length=40)
    verb = models.CharField(_("what"), max_length=20, choices=Verb)
    # The model's label and the primary key, without a foreign key: the target may go.
    target_model = models.CharField(max_length=60)
    target_pk = models.BigIntegerField()
    target_person = models.CharField(_("person"), max_length=40)
    target_text = models.CharField(_("text"), max_length=5000, blank=True)
    reason = FreeTextField(_("why"), characters=500)

    class Meta(AppendOnly.Meta):
        verbose_name = _("moderation action")
        verbose_name_plural = _("moderation actions")
        indexes = [
            models.Index(fields=["target_model", "target_pk"], name="moderation_target"),
            models.Index(fields=["target_person"], name="moderation_person"),
            models.Index("verb", models.F("id").desc(), name="moderation_verb"),
        ]

    def __str__(self):
        return f"{self.moderator_name} {self.get_verb_display()} @{self.target_person}"
