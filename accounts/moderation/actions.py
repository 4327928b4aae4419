"""Moderator actions on several people or posts at once."""

from django.db import transaction
from django.db.models import Q

from accounts.common import deadlines
from accounts.common.database_errors import AccountGone
from accounts.models import User
from accounts.moderation.models import Report


def moderate(moderator, act, rows, reason):
    """Call `act(row, by=moderator, reason=reason)` for each row in the queryset `rows`. Returns how many rows changed.

    `act` is a function such as `Post.hide`, which records the action and returns whether anything
    changed. Either all changes are stored or none. Rows that are no longer in the queryset after locking stay unchanged.
    Raises AccountGone if the moderator has left or was suspended.
    """
    with transaction.atomic():
        locked = lock(moderator, rows)
        # All locks are held now, but many rows can take longer than the usual time limit of a request.
        deadlines.extend()
        return sum(act(row, by=moderator, reason=reason) for row in locked)


def lock(moderator, rows):
    """Lock the moderator, the people concerned, the queryset `rows` and the reports about these rows, each by primary key.

    Returns a queryset of the rows that are still in `rows`. Raises AccountGone if the moderator has left or was suspended.
    """
    person_of = {row.pk: row.audit_subject()[0].pk for row in rows}
    keys = list(person_of)
    people = User.objects.lock(moderator.pk, *person_of.values())
    if not people.get(moderator.pk):
        raise AccountGone
    if rows.model is not User:
        locked = rows.model._base_manager.filter(pk__in=keys).order_by("pk")
        list(locked.select_for_update(no_key=True).values_list("pk"))
        Report.objects.about_keys(rows.model, keys).open().lock()
    return rows.filter(pk__in=keys).order_by("pk")


def may_be_moderated_by(moderator, person=""):
    """Return the condition for rows about whose people `moderator` may decide. Only administrators decide about moderators.

    `person` is the name of the field with the person, or empty if the rows are people.
    """
    is_staff = f"{person}__is_staff" if person else "is_staff"
    return Q() if moderator.is_superuser else Q(**{is_staff: False})


def may_be_suspended_by(moderator):
    """Return the condition for people that `moderator` may suspend: anyone but themselves and administrators.

    Only administrators may suspend moderators.
    """
    return may_be_moderated_by(moderator) & ~Q(is_superuser=True) & ~Q(pk=moderator.pk)


def suspend(moderator, people, reason):
    """Suspend everyone in the queryset `people` whom `moderator` may suspend. Returns how many were suspended."""
    allowed = people.filter(may_be_suspended_by(moderator))
    return moderate(moderator, User.suspend, User.objects.filter(pk__in=allowed.values("pk")), reason)
