from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Count, ExpressionWrapper, F, Q, Value
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.common.fields import FreeTextField
from accounts.common.links import absolute
from accounts.models.user import User

SALT = "accounts.invitation"
# How long a refused applicant can read why, and a moderator can still approve them. Then the account is deleted.
KEEP_REFUSED = timedelta(days=30)


def new_key():
    return get_random_string(12)


class InvitationRefused(ValidationError):
    """An invitation can't be used or made. The message is a sentence for the person who tries to."""


class InvitationQuerySet(models.QuerySet):
    def made_by(self, user):
        """Return a member's invitations, newest first, with `position` and `use_count`."""
        return (
            self.filter(creator=user)
            .annotate(use_count=Count("uses"), position=F("id"))
            .order_by("-position")
        )


class Invitation(models.Model):
    """A link with which up to `limit` people can sign up until `expires_on`.

    The database holds only `key`. The link also has a signature that needs the site's secret key, so a copy of the database has
    no usable links, and the site can show a link again.
    """

    key = models.CharField(max_length=12, unique=True, default=new_key, editable=False)
    # Empty if the operator made it with `manage.py create_invitation`. If the creator has left, only the name is.
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="invitations",
        verbose_name=gettext_lazy("made by"),
    )
    creator_name = models.CharField(gettext_lazy("made by"), max_length=40, blank=True)
    limit = models.PositiveSmallIntegerField(
        gettext_lazy("number of people"), default=1, validators=[MinValueValidator(1)]
    )
    created_on = models.DateTimeField(gettext_lazy("made on"), default=timezone.now, editable=False)
    expires_on = models.DateTimeField(gettext_lazy("expires on"))
    revoked_on = models.DateTimeField(gettext_lazy("revoked on"), null=True, editable=False)
    # Whom newcomers are offered to follow, besides the creator.
    people = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="+", verbose_name=gettext_lazy("people to follow")
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("invitation")
        verbose_name_plural = gettext_lazy("invitations")
        constraints = [models.CheckConstraint(name="invitation_limit", condition=Q(limit__gte=1))]

    def __str__(self):
        return f"{self.pk} (@{self.creator_name})" if self.creator_name else str(self.pk)

    @property
    def token(self):
        return signing.Signer(salt=SALT, sep=".").sign(self.key)

    @property
    def url(self):
        return absolute(reverse("accounts:invited", args=[self.token]))

    @classmethod
    def find(cls, token):
        """Return the Invitation with this token. Raises InvitationRefused if the token isn't ours."""
        try:
            key = signing.Signer(salt=SALT, sep=".").unsign(token)
        except signing.BadSignature:
            key = None
        invitation = key and cls.objects.select_related("creator").filter(key=key).first()
        if not invitation:
            raise InvitationRefused(
                _("This invitation link isn't right. Check that you copied all of it, or ask for a new one.")
            )
        return invitation

    @cached_property
    def used(self):
        """How many people have used it."""
        return self.use_count if hasattr(self, "use_count") else self.uses.count()

    @property
    def is_usable(self):
        return not self.why_not()

    def why_not(self):
        """Return a sentence that says why nobody can use this invitation now, or an empty string."""
        if self.revoked_on:
            return _("This invitation was taken back. Ask the person who sent it to you for a new one.")
        if self.expires_on <= timezone.now():
            day = date_format(timezone.localtime(self.expires_on), "DATE_FORMAT")
            return _(
                "This invitation expired on %(day)s. Ask the person who sent it to you for a new one."
            ) % {"day": day}
        # Strangers don't learn whether that person has left or was suspended.
        if self.creator_name and not (self.creator and self.creator.takes_part):
            return _("The person who made this invitation can't invite anyone any more.")
        if self.used >= self.limit:
            return _("This invitation has been used up. Ask the person who sent it to you for a new one.")
        return ""

    def claim(self):
        """Lock this invitation and its creator until the transaction ends, so that the next use is the caller's.

        Raises InvitationRefused if nobody can use it now.
        """
        User.objects.lock(self.creator_id)
        rows = Invitation.objects.select_for_update(no_key=True, of=["self"]).select_related("creator")
        locked = rows.filter(pk=self.pk).first()
        if locked is None or (refusal := locked.why_not()):
            raise InvitationRefused(refusal if locked else _("This invitation was taken back."))

    def revoke(self):
        """Take the invitation back. Returns whether anything changed."""
        self.revoked_on = timezone.now()
        return bool(Invitation.objects.filter(pk=self.pk, revoked_on=None).update(revoked_on=self.revoked_on))


class InvitationUseQuerySet(models.QuerySet):
    def by_visible_people(self):
        return self.filter(person__isnull=False, person__suspended_on=None, person__pending_since=None)


class InvitationUse(models.Model):
    """Records who signed up with an invitation. The row of somebody who has left still counts."""

    invitation = models.ForeignKey(Invitation, models.CASCADE, related_name="uses")
    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="invitation_use"
    )
    created_on = models.DateTimeField(default=timezone.now, editable=False)

    objects = InvitationUseQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("use of an invitation")
        verbose_name_plural = gettext_lazy("uses of invitations")

    def __str__(self):
        return f"{self.invitation_id}: {self.person or ''}"


class ApplicationQuerySet(models.QuerySet):
    def waiting(self):
        """Return the applications that moderators can decide about now: the address is confirmed where it must be."""
        return self.filter(state=Application.State.WAITING, submitted_on__isnull=False)

    def refused_before(self, time):
        return self.filter(state=Application.State.REFUSED, decided_on__lt=time)

    def in_queue(self):
        """Return the waiting applications, oldest first, with a `position` in the queue that is below those of all reports."""
        position = ExpressionWrapper(
            Value(2**39, models.BigIntegerField()) - F("pk"), models.BigIntegerField()
        )
        return self.waiting().annotate(position=position).order_by("-position")


class Application(models.Model):
    """The application of a member who has to be approved. The member is pending until it is approved."""

    class State(models.TextChoices):
        WAITING = "waiting", gettext_lazy("waiting")
        APPROVED = "approved", gettext_lazy("approved")
        REFUSED = "refused", gettext_lazy("refused")

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="application",
        verbose_name=gettext_lazy("person"),
    )
    text = FreeTextField(gettext_lazy("why they want to join"), characters=500, blank=True)
    created_on = models.DateTimeField(gettext_lazy("applied on"), default=timezone.now, editable=False)
    # Empty until the person has confirmed their address, if they must. Until then, moderators don't see the application.
    submitted_on = models.DateTimeField(null=True, editable=False)
    state = models.CharField(
        gettext_lazy("state"), max_length=10, choices=State, default=State.WAITING, editable=False
    )
    decided_on = models.DateTimeField(gettext_lazy("decided on"), null=True, editable=False)
    # Why it was refused. The applicant reads it.
    reason = FreeTextField(gettext_lazy("reason"), characters=500, blank=True)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("application")
        verbose_name_plural = gettext_lazy("applications")
        constraints = [
            models.CheckConstraint(
                name="application_decided",
                condition=Q(state="waiting", decided_on=None)
                | (~Q(state="waiting") & Q(decided_on__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="application_waiting",
                condition=Q(state="waiting", submitted_on__isnull=False),
            ),
        ]

    def __str__(self):
        return f"{self.person}: {self.get_state_display()}"

    def audit_subject(self):
        """Return the applicant and the text, for the record of moderation actions."""
        return self.person, self.text

    @property
    def deleted_on(self):
        """When the account of a refused applicant is deleted, and they can apply again."""
        return self.decided_on + KEEP_REFUSED
