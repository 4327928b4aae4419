"""Makes invitations, within a member's budget."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.common.database_errors import AccountGone
from accounts.joining.models import Invitation, InvitationRefused
from accounts.models import SiteSettings, User
from accounts.moderation.permissions import may_moderate

# A member's invitations count for this long.
BUDGET_SPAN = timedelta(days=30)
# How many people one invitation can be for, and how many people it can suggest.
MOST_PEOPLE = 1_000
MOST_SUGGESTED = 10


def budget_of(user, site):
    """Return how many more people `user` can invite now, or None if there is no limit. `site` are the SiteSettings.

    An invitation that can still be used counts in full, any other only as often as it was used.
    """
    if may_moderate(user):
        return None
    if not site.invitations_per_member:
        return 0
    recent = Invitation.objects.made_by(user).filter(created_on__gt=timezone.now() - BUDGET_SPAN)
    spent = sum(each.limit if each.is_usable else each.used for each in recent.select_related("creator"))
    return max(site.invitations_per_member - spent, 0)


def create_invitation(creator, *, limit, days, people=()):
    """Store and return an Invitation for `limit` people that expires after `days`.

    `people` are the members that newcomers are offered to follow. `creator` is None if the operator invites.

    Raises InvitationRefused if the budget of `creator` is too small, and AccountGone if they have left or were suspended.
    """
    with transaction.atomic():
        keys = {person.pk for person in people}
        visible = User.objects.lock(*keys, *([creator.pk] if creator else []))
        if creator:
            if not visible.get(creator.pk):
                raise AccountGone
            _check_budget(creator, limit)
        now = timezone.now()
        invitation = Invitation.objects.create(
            creator=creator,
            creator_name=creator.username if creator else "",
            limit=limit,
            created_on=now,
            expires_on=now + timedelta(days=days),
        )
        invitation.people.set(key for key in keys if visible.get(key))
    return invitation


def _check_budget(creator, limit):
    budget = budget_of(creator, SiteSettings.load())
    if budget is None or limit <= budget:
        return
    if not budget:
        raise InvitationRefused(_("You can't invite more people at the moment."))
    raise InvitationRefused(
        ngettext(
            "You can invite %(count)d more person at the moment.",
            "You can invite %(count)d more people at the moment.",
            budget,
        )
        % {"count": budget}
    )


def people_offered_to(member, limit):
    """Return the primary keys of at most `limit` people whom the one who invited `member` wants them to follow."""
    invitation = Invitation.objects.filter(uses__person=member).first()
    if invitation is None:
        return []
    named = invitation.people.order_by("pk").values_list("pk", flat=True)[:limit]
    return [*filter(None, [invitation.creator_id]), *named][:limit]
