"""Base classes for types of notifications and digests.

To add a type of notification: subclass NotificationType in the app that sends the event, register it, add its three
templates, and connect a receiver to the event that calls `digests.notify()`. `socializer/tests/test_reuse.py` does this in
another project.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from accounts.emails.types import EmailType, all_types, get, optional_types, register
from accounts.models import User
from accounts.notifications.models import Frequency, Notification, NotificationPreference
from accounts.querysets import BLOCKED, MUTED_BY_VIEWER, SUSPENDED, PersonCondition

__all__ = [
    "Digest",
    "Frequency",
    "NotificationType",
    "all_types",
    "by_visible_people",
    "get",
    "kept_types",
    "notification_types",
    "optional_types",
    "register",
]


class Digest(EmailType):
    """An email that members get as often as they choose, about what happened since the last one.

    `accounts.notifications.digests` schedules it. Its `content()` gets `since` and `until`, as ISO 8601: it covers events
    after `since`, up to and including `until`.
    """

    is_optional = True
    frequencies = (Frequency.AT_ONCE, Frequency.DAILY, Frequency.WEEKLY, Frequency.NEVER)
    default = Frequency.AT_ONCE
    # Whether at most one an hour and five a day are sent at once.
    is_paced = True

    def frequency_for(self, user):
        """Return the Frequency that `user` has chosen, or the default."""
        preferences = NotificationPreference.objects.filter(user=user, type=self.name)
        chosen = preferences.values_list("frequency", flat=True).first()
        return Frequency(chosen) if chosen in self.frequencies else self.default

    def skip_reason(self, recipient):
        return "The recipient turned it off." if self.frequency_for(recipient) == Frequency.NEVER else ""


class NotificationType(Digest):
    """Something that happens to a member. Each occurrence is a Notification, and an email covers all waiting ones.

    The page of notifications shows them in groups, with `item_template`, which gets a `group`: see accounts.notifications.page.
    The default template names the people and shows the `label`.
    """

    item_template = "accounts/notifications/_item.html"
    # Whether members can turn it off on the site.
    can_be_off_site = True
    # A function of the recipient and a set of subjects that returns a dict of what the template needs to know about each. Types
    # with the same function share a call, which may make one query.
    load_subjects = None
    # Whether notifications are kept for as long as their recipient is a member.
    is_kept = False
    # How long an email waits after each notification, for example because what happened can still be undone.
    delay = timedelta(0)

    def condition(self, recipient):
        """Return a Q object for the notifications of this type that `recipient` may see."""
        return Q()

    def shown_to(self, user):
        """Return whether the page shows notifications of this type to `user` at all."""
        return True

    def group(self, subject):
        """Return the id or short string by which the page groups notifications of this type, besides their time."""
        return subject

    def earlier_email(self, recipient, actor, subject):
        """Return the `emailed_in` of a notification that an earlier email makes unnecessary, or an empty string."""
        return ""

    def content(self, recipient, emailed_in):
        """Return the context for the notifications that the email includes, or None if the recipient has left.

        Those that the condition excludes leave the email. Otherwise `earlier_email()` would say that it is about their actors,
        and someone who follows again would never be named.
        """
        notifications = Notification.objects.filter(
            recipient=recipient, type=self.name, emailed_in=emailed_in
        )
        with transaction.atomic():
            # Nobody can follow again in between: events lock their recipient.
            if not User.objects.filter(pk=recipient.pk).in_locking_order():
                return None
            included = notifications.filter(self.condition(recipient))
            notifications.exclude(pk__in=included.values("pk")).update(emailed_in=Notification.OUTDATED)
            return self.content_for(recipient, included)

    def content_for(self, recipient, notifications):
        """Return the context for `notifications`, a queryset, or None if there is no longer anything to report.

        The context contains no querysets, because the recipient is locked only until this returns.
        """
        raise NotImplementedError


def by_visible_people(recipient):
    """Return a Q object for notifications of what visible people did whom `recipient` hasn't muted, without their own acts."""
    hidden = Q(PersonCondition(SUSPENDED, "actor"))
    for sql in (BLOCKED, MUTED_BY_VIEWER):
        hidden |= Q(PersonCondition(sql, "actor", recipient.pk))
    return ~hidden & ~Q(actor=recipient.pk)


def notification_types():
    """Return a list of all types of notifications, in the order of registration."""
    return [each for each in all_types() if isinstance(each, NotificationType)]


def kept_types():
    """Return the names of the types whose notifications are never deleted because of their age."""
    return [each.name for each in notification_types() if each.is_kept]
