"""What moderators do: one verb, several targets, a reason, and a record of it."""

from operator import attrgetter

from django.db import transaction
from django.db.models import Q

from accounts.models import ModerationAction, User


def moderate(moderator, verb, targets, reason):
    """Do `verb` to each of `targets` and record each that it changed, all or nothing. Returns how many those are.

    `verb` is one of ModerationAction.Verb, and a method of the targets that returns whether anything changed. A target
    tells its person and text by `moderation_facts()`.
    """
    changed = 0
    with transaction.atomic():
        # In the order in which everyone locks rows.
        for target in sorted(targets, key=attrgetter("pk")):
            person, text = target.moderation_facts()
            pk = target.pk
            if getattr(target, verb)():
                changed += 1
                ModerationAction.objects.create(
                    moderator=moderator,
                    moderator_name=moderator.username,
                    verb=verb,
                    target_model=target._meta.label,
                    target_pk=pk,
                    target_person=person.username,
                    target_text=text,
                    reason=reason,
                )
    return changed


def may_be_suspended_by(moderator):
    """The condition for people whom `moderator` may suspend: not themselves, and no administrators."""
    return ~Q(is_superuser=True) & ~Q(pk=moderator.pk)


def suspend(moderator, people, reason):
    """Suspend those of `people`, a queryset, whom `moderator` may suspend. Returns how many were."""
    allowed = people.filter(may_be_suspended_by(moderator))
    return moderate(
        moderator, ModerationAction.Verb.SUSPEND, User.objects.filter(pk__in=allowed.values("pk")), reason
    )
