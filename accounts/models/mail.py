from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.addresses import email_key
from accounts.emails.kinds import When
from accounts.text import fit


class MailPreference(models.Model):
    """How soon a member wants to hear by one kind of mail. Without a row it is the kind's default."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="mail_preferences"
    )
    kind = models.CharField(max_length=40)
    when = models.CharField(max_length=10, choices=When)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="mail_preference_unique"),
        ]

    def __str__(self):
        return f"{self.user}: {self.kind} {self.when}"

    @classmethod
    def of(cls, user, kind):
        """When `user` wants mails of `kind`, a MailKind."""
        chosen = cls.objects.filter(user=user, kind=kind.name).values_list("when", flat=True).first()
        return When(chosen) if chosen in kind.choices else kind.default


class MailPlan(models.Model):
    """When the next collected mail of one kind is due to somebody, and until when the last one told."""

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="mail_plans"
    )
    kind = models.CharField(max_length=40)
    due_on = models.DateTimeField(null=True)
    told_until = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recipient", "kind"], name="mail_plan_unique"),
        ]
        indexes = [
            models.Index("due_on", name="mail_plan_due", condition=models.Q(due_on__isnull=False)),
        ]

    def __str__(self):
        return f"{self.kind} to {self.recipient}"

    @classmethod
    def locked(cls, recipient, kind):
        """The plan for that recipient and MailKind, locked until the transaction ends, as is the recipient.

        Raises AccountGone if they have left.
        """
        recipient.lock()
        plan, _created = cls.objects.select_for_update().get_or_create(recipient=recipient, kind=kind.name)
        return plan


class Delivery(models.Model):
    """One mail: to whom, of which kind, and what became of it. Never what it says.

    `key` tells it from others of its kind to the same recipient, for example by its period. The row is stored together
    with the job that sends it; being unique, it keeps a mail from being sent twice.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        SKIPPED = "skipped", _("not sent: unwanted, or nothing to tell any more")
        REFUSED = "refused", _("refused: no such address")
        HELD = "held", _("held after a restore")
        FAILED = "failed", _("given up")

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        db_index=False,
        related_name="deliveries",
        verbose_name=_("recipient"),
    )
    address = models.EmailField(_("address"), max_length=320, blank=True)
    kind = models.CharField(_("kind"), max_length=60)
    key = models.CharField(_("key"), max_length=100)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    answer = models.CharField(_("last answer of the mail server"), max_length=300, blank=True)
    created_on = models.DateTimeField(_("enqueued"), auto_now_add=True, db_index=True)
    sent_on = models.DateTimeField(_("sent"), null=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["recipient", "kind", "key"], name="delivery_unique"),
        ]
        indexes = [
            # Health checks look for those that wait; the admin for those of a kind, or to an address.
            models.Index(fields=["state", "created_on"], name="delivery_state"),
            models.Index(fields=["address"], name="delivery_address"),
            models.Index("kind", models.F("id").desc(), name="delivery_kind"),
        ]

    def __str__(self):
        return f"{self.kind} to {self.recipient or self.address}: {self.key}"

    @property
    def is_over(self):
        """Whether nothing more is to be done about it."""
        return self.state not in (self.State.WAITING, self.State.FAILED)

    def begin(self):
        """Count a try."""
        Delivery.objects.filter(pk=self.pk).update(tries=models.F("tries") + 1)

    def note(self, answer):
        """Keep what went wrong; the mail waits."""
        Delivery.objects.filter(pk=self.pk).update(answer=fit(answer, 300))

    def end(self, state, answer=""):
        """Say what became of the mail."""
        self.state = state
        self.answer = fit(answer, 300)
        self.sent_on = timezone.now() if state == self.State.SENT else None
        # The recipient may have left meanwhile, and this row with them.
        Delivery.objects.filter(pk=self.pk).update(state=state, answer=self.answer, sent_on=self.sent_on)


class RefusedAddress(models.Model):
    """An address of which its mail server says that it does not exist. Nothing is sent there unasked."""

    address = models.EmailField(_("address"), max_length=320, primary_key=True)
    answer = models.CharField(_("answer of the mail server"), max_length=300)
    refused_on = models.DateTimeField(_("refused"), default=timezone.now)

    class Meta:
        verbose_name = _("refused address")
        verbose_name_plural = _("refused addresses")

    def __str__(self):
        return self.address

    @classmethod
    def of(cls, address):
        """The rows about `address`: one, or none."""
        return cls.objects.filter(address=email_key(address or ""))

    @classmethod
    def remember(cls, address, answer):
        """Note that `address` was refused, with the mail server's answer."""
        cls.objects.update_or_create(address=email_key(address), defaults={"answer": fit(answer, 300)})


class OutboxHold(models.Model):
    """One row while old emails are held back, as the database was restored from a backup; none otherwise.

    What the backup still had to send may have been sent after it was made. `manage.py release_outbox` decides.
    """

    ONLY = 1

    # What happened before this moment comes from the backup.
    since = models.DateTimeField()

    def __str__(self):
        return f"since {self.since}"

    @classmethod
    def is_on(cls):
        return cls.objects.exists()
