from django.conf import settings
from django.db import models
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# How many notifications a group can have. The page reads all of them.
MAX_GROUP_SIZE = 200


class Frequency(models.TextChoices):
    """How often a member gets one type of email."""

    AT_ONCE = "at_once", _("At once")
    DAILY = "daily", _("Daily")
    WEEKLY = "weekly", _("Weekly")
    NEVER = "never", _("Never")


class NotificationQuerySet(models.QuerySet):
    def waiting(self):
        """Notifications that the next email of their type will include."""
        return self.filter(emailed_in="")

    def grouped(self):
        """Notifications that the page may show."""
        # Without a parameter, because a compiled query has none but its arguments.
        return self.exclude(group_key=RawSQL("''", []))  # noqa: S611

    def trim_group(self, recipient, group_key):
        """Take all but the newest notifications out of a group, so that no page has to read a group of 10,000 likes."""
        group = self.filter(recipient=recipient, group_key=group_key)
        last = group.order_by("-pk").values("pk")[MAX_GROUP_SIZE : MAX_GROUP_SIZE + 1]
        group.filter(pk__lte=models.Subquery(last)).update(group_key="")

    def expired(self, before, kept_types):
        """Notifications older than the datetime `before`, except waiting ones and those of `kept_types`, a list of names."""
        return self.filter(created_on__lt=before).exclude(emailed_in="").exclude(type__in=kept_types)


class Notification(models.Model):
    """Something that happened to a member. Written by `digests.notify()`.

    `type` is the name of a NotificationType, which defines the meaning of `subject`, an id, and who may see the notification.
    A notification that its type's condition excludes, for example because a follow ended, may stay here.
    """

    # Values of `emailed_in` that are not the key of a Delivery.
    NOT_WANTED = "not wanted"  # The member didn't want such emails when it happened.
    SUMMARY_ONLY = "summary only"  # Only the follower summary uses it.
    REPEATED = "repeated"  # An email said the same within the last day.
    DISCARDED = "discarded"  # An operator discarded it after a restore.
    OUTDATED = "outdated"  # Its type's condition excluded it when its email was sent.
    NOT_IN_AN_EMAIL = ("", NOT_WANTED, SUMMARY_ONLY, REPEATED, OUTDATED)

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="notifications"
    )
    type = models.CharField(max_length=40)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, db_index=False, related_name="+"
    )
    # This isn't a foreign key, because the subject may be deleted.
    subject = models.BigIntegerField(null=True)
    # Identical for notifications that the page shows together. Contains the type, the result of `group()` and a 12-hour period.
    # Empty if the page doesn't show it, because only the follower summary uses it or because too many later ones are in its group.
    group_key = models.CharField(max_length=100)
    created_on = models.DateTimeField(default=timezone.now)
    # The key of the Delivery that includes it. Empty while the notification waits for the next email.
    emailed_in = models.CharField(max_length=100, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        indexes = [
            # For the page that lists a member's notifications, newest first.
            models.Index(
                "recipient",
                models.F("id").desc(),
                name="notification_newest",
                condition=~models.Q(group_key=""),
            ),
            # For the notifications that an email includes, and for those that wait for the next one.
            models.Index(fields=["recipient", "emailed_in"], name="notification_emailed"),
            # For the groups of that page.
            models.Index(fields=["recipient", "group_key", "id"], name="notification_group"),
            # For the follower summary, which covers a span of time.
            models.Index(fields=["recipient", "created_on"], name="notification_time"),
            # For the notifications that one person caused, and for deleting those of a person who leaves.
            models.Index(fields=["actor", "recipient"], name="notification_actor"),
        ]

    def __str__(self):
        return f"{self.type} for {self.recipient_id}"


class NotificationPreference(models.Model):
    """What a member wants to get of one type: on the site, and by email. Without a row, the type's defaults apply."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="notification_preferences"
    )
    type = models.CharField(max_length=40)
    # Empty for the type's default.
    frequency = models.CharField(max_length=10, choices=Frequency, blank=True)
    on_site = models.BooleanField(default=True, db_default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "type"], name="notification_preference_unique"),
        ]

    def __str__(self):
        return f"{self.user}: {self.type} {self.frequency}"


class DigestSchedule(models.Model):
    """When the next digest of one type is due for a member, and the end of the time that the last one covered.

    Lock the recipient before changing a row.
    """

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="digest_schedules"
    )
    type = models.CharField(max_length=40)
    # Null while nothing is scheduled.
    due_on = models.DateTimeField(null=True)
    covered_until = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recipient", "type"], name="digest_schedule_unique"),
        ]
        indexes = [
            models.Index("due_on", name="digest_schedule_due", condition=models.Q(due_on__isnull=False)),
        ]

    def __str__(self):
        return f"{self.type} to {self.recipient}"

    @classmethod
    def locked(cls, recipient, digest):
        """Return the row for that recipient and Digest, locked until the transaction ends. It is created if missing."""
        schedule, _created = cls.objects.select_for_update().get_or_create(
            recipient=recipient, type=digest.name
        )
        return schedule
