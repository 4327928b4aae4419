from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.text_fields import FreeTextField
from posts.models.post import Post


class Report(models.Model):
    """A member asks the moderators to look at a post. One for each reporter and post."""

    class Reason(models.TextChoices):
        SPAM = "spam", _("It is spam or a fraud")
        ABUSE = "abuse", _("It attacks or threatens somebody")
        ILLEGAL = "illegal", _("It is against the law")
        OTHER = "other", _("Something else")

    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,
        related_name="reports",
        verbose_name=_("reporter"),
    )
    post = models.ForeignKey(Post, models.CASCADE, related_name="reports", verbose_name=_("post"))
    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    note = FreeTextField(_("what we should know"), characters=500, blank=True)
    created_on = models.DateTimeField(_("reported"), default=timezone.now, editable=False)
    closed_on = models.DateTimeField(_("closed"), null=True, editable=False)

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints = [
            models.UniqueConstraint(fields=["reporter", "post"], name="report_unique"),
        ]
        indexes = [
            models.Index(
                fields=["post", "created_on"], name="report_open", condition=models.Q(closed_on=None)
            ),
        ]

    def __str__(self):
        return f"{self.reporter}: {self.get_reason_display()}"


class ReportedPost(Post):
    """A post seen as one that has been reported: the moderators' queue in the admin."""

    class Meta:
        proxy = True
        verbose_name = _("reported post")
        verbose_name_plural = _("reported posts")
