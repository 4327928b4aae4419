"""Moderators' decisions that the person concerned hasn't opened yet.

The id of the oldest one is stored with the user. Every page loads the user anyway, so pointing to the decision takes no query.
"""

from django.db import transaction

from accounts.models import User
from accounts.moderation.models import ModerationAction


def update(person, action):
    """Record that the new `action` concerns `person`, who is locked. It may also have undone what they haven't opened."""
    _store(person, _stored(person) or action.pk)


def mark_opened(person, decisions):
    """Record that `person` has opened `decisions`, a part of their list without gaps. Raises AccountGone."""
    keys = [decision.pk for decision in decisions]
    if person.unseen_decision not in keys:
        return
    with transaction.atomic():
        person.lock()
        if _stored(person) in keys:
            _store(person, max(keys) + 1)


def _stored(person):
    return User.objects.values_list("unseen_decision", flat=True).get(pk=person.pk)


def _store(person, since):
    """Store the oldest decision with an id from `since` on."""
    told = ModerationAction.objects.told_to(person).filter(pk__gte=since).order_by("pk")
    person.unseen_decision = told.values_list("pk", flat=True).first()
    User.objects.filter(pk=person.pk).update(unseen_decision=person.unseen_decision)
