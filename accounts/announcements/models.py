from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Now
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.common.fields import FreeTextField
from accounts.common.text import truncate


class AnnouncementQuerySet(models.QuerySet):
    """Queries for announcements. They compare times with the database's clock, so that their SQL has no parameters."""

    def started(self):
        return self.filter(starts_on__lte=Now())

    def current(self):
        return self.started().filter(Q(ends_on=None) | Q(ends_on__gt=Now()))

    def unread_by_outer(self):
        """Return the announcements that the member of the outer query sees above home, oldest first.

        New members see only those that have an end: the others are old news. New rules have a page of their own.
        """
        unread = IsNull(OuterRef("announcements_read"), True) | Q(  # noqa: FBT003 (the lookup's value)
            starts_on__gt=OuterRef("announcements_read")
        )
        is_for_member = Q(ends_on__isnull=False) | Q(starts_on__gte=OuterRef("date_joined"))
        return self.current().filter(unread, is_for_member, new_rules=False).order_by("starts_on")

    def new_rules(self):
        """Return the announcements of new rules, newest first. Their end only ends the notification."""
        return self.started().filter(new_rules=True).order_by("-starts_on")


class Announcement(models.Model):
    """A text by the operator for all members. `new_rules` says that members must accept the rules again.

    Each member has read the announcements up to a time, so each must start at a different time.
    """

    text = FreeTextField(_("text"), characters=500, help_text=_("Web addresses become links."))
    # A code of a language, such as "zh-hans", or "" if it is unknown.
    language = models.CharField(_("language of the text"), max_length=20, blank=True)
    starts_on = models.DateTimeField(
        _("from"),
        default=timezone.now,
        unique=True,
        error_messages={"unique": _("Another announcement starts at that time. Choose another time.")},
    )
    ends_on = models.DateTimeField(
        _("until"),
        null=True,
        blank=True,
        help_text=_("Members see it until they dismiss it, or until this time."),
    )
    new_rules = models.BooleanField(
        _("new rules"),
        default=False,
        help_text=_("Members must accept the rules before they can continue."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="announcements"
    )

    objects = AnnouncementQuerySet.as_manager()

    class Meta:
        verbose_name = _("announcement")
        verbose_name_plural = _("announcements")
        constraints = [
            models.CheckConstraint(
                name="announcement_ends_after_start",
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")),
                violation_error_message=_("An announcement must end after it starts."),
            ),
        ]

    def __str__(self):
        return truncate(self.text, 60)

    def clean(self):
        # It can be ended at once later on.
        if self._state.adding and self.ends_on and self.ends_on <= timezone.now():
            raise ValidationError({"ends_on": _("Choose a time in the future.")})

    @property
    def has_started(self):
        return self.starts_on <= timezone.now()


def loaded_with_members():
    """Return annotations for the query that loads the member of a request, so that announcements take no query of their own.

    `unread_announcement` and the others are about the announcement to show above home, or None. `rules_announced_on` is when new
    rules were last announced, or None.
    """
    unread = Announcement.objects.unread_by_outer()
    return {
        "unread_announcement": Subquery(unread.values("pk")[:1]),
        "unread_announcement_text": Subquery(unread.values("text")[:1]),
        "unread_announcement_language": Subquery(unread.values("language")[:1]),
        "rules_announced_on": Subquery(Announcement.objects.new_rules().values("starts_on")[:1]),
    }
