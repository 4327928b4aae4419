from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.common.addresses import email_key
from accounts.common.text import fit


class Delivery(models.Model):
    """One email to one recipient, and its status. Its text is not stored here.

    `key` distinguishes emails of one type to one recipient. The row is stored together with the job that sends the email. The
    key is unique, so no email is enqueued twice.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        SKIPPED = "skipped", _("not sent: turned off, or out of date")
        REFUSED = "refused", _("rejected: no such address")
        HELD = "held", _("on hold after a restore")
        FAILED = "failed", _("failed")

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        db_index=False,
        related_name="deliveries",
        verbose_name=_("recipient"),
    )
    address = models.EmailField(_("address"), max_length=320, blank=True)
    type = models.CharField(_("type"), max_length=60)
    key = models.CharField(_("key"), max_length=100)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    answer = models.CharField(_("last reply from the mail server"), max_length=300, blank=True)
    created_on = models.DateTimeField(_("queued"), auto_now_add=True, db_index=True)
    sent_on = models.DateTimeField(_("sent"), null=True)

    class Meta:
        verbose_name = _("email delivery")
        verbose_name_plural = _("email deliveries")
        constraints = [
            models.UniqueConstraint(fields=["recipient", "type", "key"], name="delivery_unique"),
        ]
        indexes = [
            # Health checks look for waiting emails; the admin filters by type and searches by address.
            models.Index(fields=["state", "created_on"], name="delivery_state"),
            models.Index(fields=["address"], name="delivery_address"),
            models.Index("type", models.F("id").desc(), name="delivery_type"),
        ]

    def __str__(self):
        return f"{self.type} to {self.recipient or self.address}: {self.key}"

    @property
    def is_finished(self):
        """Whether this email must not be sent, or not be sent again."""
        return self.state not in (self.State.WAITING, self.State.FAILED)

    def count_attempt(self):
        """Count an attempt to send the email."""
        Delivery.objects.filter(pk=self.pk).update(attempts=models.F("attempts") + 1)

    def record_reply(self, reply):
        """Store the mail server's reply to an attempt that failed. The email stays in its state."""
        Delivery.objects.filter(pk=self.pk).update(answer=fit(reply, 300))

    def finish(self, state, reply=""):
        """Store the final state, and the mail server's reply or the reason."""
        self.state = state
        self.answer = fit(reply, 300)
        self.sent_on = timezone.now() if state == self.State.SENT else None
        # An update instead of save(): if the recipient has left in the meantime, the row must not be created again.
        Delivery.objects.filter(pk=self.pk).update(state=state, answer=self.answer, sent_on=self.sent_on)


class SuppressedAddress(models.Model):
    """An address that doesn't exist, according to its mail server. Only emails that someone requested are sent there."""

    address = models.EmailField(_("address"), max_length=320, primary_key=True)
    answer = models.CharField(_("reply from the mail server"), max_length=300)
    suppressed_on = models.DateTimeField(_("suppressed since"), default=timezone.now)

    class Meta:
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppressed addresses")

    def __str__(self):
        return self.address

    @classmethod
    def matching(cls, address):
        """Return a queryset of the row for `address`, or an empty one."""
        return cls.objects.filter(address=email_key(address or ""))

    @classmethod
    def suppress(cls, address, reply):
        """Stop sending email to `address`. `reply` is what the mail server said."""
        cls.objects.update_or_create(address=email_key(address), defaults={"answer": fit(reply, 300)})


class OutboxHold(models.Model):
    """While this table has a row, old emails are on hold, because the database was restored from a backup.

    An email that was waiting when the backup was made may have been sent since. An operator decides with `manage.py
    release_outbox`.
    """

    ONLY = 1

    # When the database was restored. Anything older comes from the backup.
    since = models.DateTimeField()

    def __str__(self):
        return f"since {self.since}"

    @classmethod
    def is_on(cls):
        """Return whether emails are on hold."""
        return cls.objects.exists()
