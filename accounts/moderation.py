"""What moderators do: one verb, several targets, a reason, and a record of it."""

from django.db import transaction
from django.db.models import Q

from accounts import deadlines
from accounts.database_errors import AccountGone
from accounts.models import ModerationAction, User


def moderate(moderator, verb, targets, reason):
    """Do `verb` to each of `targets` and record each that it changed, all or nothing. Returns how many those are.

    `targets` is a queryset; whatever isn't in it any more once its rows are locked stays as it is. `verb` is one of
    ModerationAction.Verb, and a method of the targets that returns whether anything changed. A target tells its person and
    text by `moderation_facts()`. Raises AccountGone if the moderator has left or was suspended.
    """
    changed = 0
    with transaction.atomic():
        locked = lock(moderator, targets)
        # Nobody holds this up any more, and there may be many.
        deadlines.extend()
        for target in locked:
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


def lock(moderator, targets):
    """Lock the moderator and the rows of `targets`, a queryset: members before anything else, each in the order of their keys.

    Returns those of them that are still in it, as a queryset. Raises AccountGone if the moderator has left or was suspended.
    """
    keys = list(targets.values_list("pk", flat=True))
    people = User.objects.lock(moderator.pk, *(keys if targets.model is User else []))
    if not people.get(moderator.pk):
        raise AccountGone
    if targets.model is not User:
        rows = targets.model._base_manager.filter(pk__in=keys).order_by("pk")
        list(rows.select_for_update(no_key=True).values_list("pk"))
    return targets.filter(pk__in=keys).order_by("pk")


def may_be_suspended_by(moderator):
    """The condition for people whom `moderator` may suspend: not themselves, and no administrators."""
    return ~Q(is_superuser=True) & ~Q(pk=moderator.pk)


def suspend(moderator, people, reason):
    """Suspend those of `people`, a queryset, whom `moderator` may suspend. Returns how many were."""
    allowed = people.filter(may_be_suspended_by(moderator))
    return moderate(
        moderator, ModerationAction.Verb.SUSPEND, User.objects.filter(pk__in=allowed.values("pk")), reason
    )
