"""What moderators decide about applications. Each function stores everything that it does, or raises and stores nothing."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import signals
from accounts.common.database_errors import AccountGone
from accounts.joining.models import Application, InvitationUse
from accounts.models import User
from accounts.moderation.decisions import DecisionRefused, describe
from accounts.moderation.models import ModerationAction

Action = ModerationAction.Action
State = Application.State


def approve(moderator, application):
    """Make the applicant a member, even if they were refused before, and email them. Returns the ModerationAction."""
    return _decide(moderator, application, State.APPROVED, Action.APPROVE)


def refuse(moderator, application, reason):
    """Refuse an application, and email the applicant the reason. Returns the ModerationAction."""
    if not reason:
        raise DecisionRefused(_("Give a reason. The person concerned will read it."), "reason")
    return _decide(moderator, application, State.REFUSED, Action.REFUSE, reason)


def _decide(moderator, application, state, action, reason=""):
    name = {"name": application.person.username}
    with transaction.atomic():
        people = User.objects.lock(moderator.pk, application.person_id)
        if not people.get(moderator.pk):
            raise AccountGone
        application = _locked(application.pk)
        if application is None:
            raise DecisionRefused(_("@%(name)s has left, and the application with them.") % name)
        reopened = application.state == State.REFUSED and state == State.APPROVED
        if application.state != State.WAITING and not reopened:
            raise DecisionRefused(_why_decided(application))
        recorded = ModerationAction.record(action, application, by=moderator, reason=reason)
        _store(application, state, reason, by=moderator)
    return recorded


def _locked(pk):
    rows = Application.objects.filter(pk=pk).select_related("person")
    return rows.select_for_update(no_key=True, of=["self"]).first()


def _why_decided(application):
    """Return a sentence about the decision that was made before, such as "@mo approved an application just now."."""
    made = ModerationAction.objects.filter(
        subject_model=Application._meta.label, subject_id=application.pk
    ).order_by("-pk")
    last = made.first()
    # Nobody decided about an applicant who was invited meanwhile.
    return describe(last) if last else _("This application has been decided.")


def _store(application, state, reason="", by=None):
    application.state, application.reason = state, reason
    application.decided_on = timezone.now()
    application.save(update_fields=["state", "reason", "decided_on"])
    if state == State.APPROVED:
        application.person.pending_since = None
        User.objects.filter(pk=application.person_id).update(pending_since=None)
    signals.application_decided.send(sender=Application, application=application, by=by, reason=reason)


def use_invitation(person, invitation):
    """Let an applicant who was invited in the meantime join. Raises InvitationRefused if the invitation can't be used.

    Returns whether anything changed: a moderator may have been faster.
    """
    with transaction.atomic():
        # Both people first, in their order.
        User.objects.lock(*filter(None, [person.pk, invitation.creator_id]))
        application = Application.objects.filter(person=person).first()
        application = application and _locked(application.pk)
        if application is None or application.state == State.APPROVED:
            return False
        invitation.claim()
        InvitationUse.objects.create(invitation=invitation, person=person)
        _store(application, State.APPROVED)
    return True


def discard_refused(application, before):
    """Delete the account of somebody whose application was refused before the datetime `before`. Frees the username.

    Returns whether the account was deleted. A moderator may have approved it meanwhile.
    """
    with transaction.atomic():
        people = User.objects.select_for_update().filter(pk=application.person_id)
        if not people or not Application.objects.refused_before(before).filter(pk=application.pk).exists():
            return False
        return application.person.leave()
