"""Decides who may sign up: the one place that reads the mode of the site. The sign-up form asks it, whoever shows the form."""

from dataclasses import dataclass
from functools import cached_property

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import signals
from accounts.joining.models import Application, Invitation, InvitationRefused, InvitationUse
from accounts.models import SignupMode, SiteSettings
from accounts.models.user import must_confirm_email


class SignupRefused(Exception):
    """Nobody can sign up like this. The message is a sentence for the person who tries to."""


@dataclass
class Admission:
    """What somebody who wants to sign up has to do, as the site's settings and their invitation are now."""

    mode: str
    # The Invitation, or None.
    invitation: Invitation | None = None
    # Why the link that they followed is no use, or an empty string.
    invitation_refusal: str = ""

    @classmethod
    def now(cls, token=None, site=None):
        """Return the Admission of somebody with the `token` of an invitation, or None without one."""
        admission = cls((site or SiteSettings.load()).signup_mode)
        if token:
            try:
                admission.invitation = Invitation.find(token)
                admission.invitation_refusal = admission.invitation.why_not()
            except InvitationRefused as error:
                admission.invitation_refusal = error.message
            if admission.invitation_refusal:
                admission.invitation = None
        return admission

    @cached_property
    def refusal(self):
        """A sentence that says why they can't sign up, or an empty string."""
        if self.mode == SignupMode.CLOSED:
            return _("Sign-up is closed at the moment.")
        if self.mode == SignupMode.INVITATION and not self.invitation:
            return self.invitation_refusal or _(
                "To join, you need an invitation. Ask someone who is here for a link, and open it."
            )
        return ""

    @property
    def asks_why(self):
        """Whether a moderator decides, so that they have to say why they want to join."""
        return self.mode == SignupMode.APPROVAL and not self.invitation

    def admit(self, account, text=""):
        """Store the new `account` by calling `account.save()`, with what this admission requires. Call it in a transaction.

        `text` is why they want to join. Raises SignupRefused or, if the invitation was used up meanwhile, InvitationRefused.
        """
        if self.refusal:
            raise SignupRefused(self.refusal)
        if self.invitation:
            self.invitation.claim()
        if self.asks_why:
            account.pending_since = timezone.now()
        account.save()
        if self.invitation:
            InvitationUse.objects.create(invitation=self.invitation, person=account)
        if self.asks_why:
            apply(account, text)


def apply(account, text=""):
    """Store the Application of a new `account`, which is pending. Moderators see it once the address is confirmed."""
    application = Application.objects.create(person=account, text=text)
    if not must_confirm_email():
        submit(application)
    return application


def submit(application):
    """Put the application into the moderators' queue, and send `application_submitted`. Returns whether anything changed."""
    waiting = Application.objects.filter(pk=application.pk, submitted_on=None)
    application.submitted_on = timezone.now()
    changed = waiting.update(submitted_on=application.submitted_on)
    if changed:
        signals.application_submitted.send(sender=Application, application=application)
    return bool(changed)
