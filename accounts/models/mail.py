from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class MailKind(models.TextChoices):
    """The mails a member may choose about."""

    NEW_FOLLOWER = "new_follower", _("Someone follows me")


class MailPreference(models.Model):
    """What a member chose about one kind of mail. Without a row the mail is wanted."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="mail_preferences"
    )
    kind = models.CharField(max_length=40, choices=MailKind)
    wanted = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="mail_preference_unique"),
        ]

    def __str__(self):
        return f"{self.user}: {self.kind} {'on' if self.wanted else 'off'}"

    @classmethod
    def wants(cls, user, kind):
        """Whether `user` wants mails of `kind` now."""
        return not cls.objects.filter(user=user, kind=kind, wanted=False).exists()

    @classmethod
    def choose(cls, user, kind, wanted):
        """Record that `user` wants mails of `kind`, or does not."""
        cls.objects.update_or_create(user=user, kind=kind, defaults={"wanted": wanted})


class DeliveryQuerySet(models.QuerySet):
    # Longer than the mail server may take to answer, which settings bound at 20 seconds.
    CLAIM_EXPIRES_AFTER = timedelta(minutes=5)

    def claim(self, **identity):
        """Return the delivery of that recipient, kind and key for sending, or None if it was sent.

        Raises DeliveryClaimed while another worker is at it.
        """
        delivery, _created = self.get_or_create(**identity)
        if delivery.sent_on:
            return None
        now = timezone.now()
        free = models.Q(claimed_on=None) | models.Q(claimed_on__lt=now - self.CLAIM_EXPIRES_AFTER)
        if not self.filter(free, pk=delivery.pk, sent_on=None).update(claimed_on=now):
            raise DeliveryClaimed(delivery)
        return delivery


class Delivery(models.Model):
    """That a mail was sent, or is being sent: what keeps a job that runs twice from mailing twice.

    `key` says which mail of its kind this is, for example who followed on which day.
    """

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="deliveries"
    )
    kind = models.CharField(max_length=40, choices=MailKind)
    key = models.CharField(max_length=100)
    created_on = models.DateTimeField(auto_now_add=True, db_index=True)
    claimed_on = models.DateTimeField(null=True)
    sent_on = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["recipient", "kind", "key"], name="delivery_unique"),
        ]

    def __str__(self):
        return f"{self.kind} to {self.recipient}: {self.key}"

    def release(self):
        """Give a claimed delivery back unsent, so that it can be tried again at once."""
        self.claimed_on = None
        self.save(update_fields=["claimed_on"])

    def mark_sent(self):
        self.sent_on = timezone.now()
        self.save(update_fields=["sent_on"])


class DeliveryClaimed(OSError):
    """Another worker is sending this mail right now."""
