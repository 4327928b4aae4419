"""What the page of notifications shows: groups of them, newest first, and how many are new.

A group holds what a member may see of the notifications with the same `group_key`. Its position is the highest id of these.
"""

from dataclasses import dataclass, field

from django.db.models import BigIntegerField, Exists, F, OuterRef, Q

from accounts.common.compiled_queries import CompiledQuery
from accounts.models import User
from accounts.notifications import types
from accounts.notifications.models import Notification, NotificationPreference
from accounts.querysets import FOLLOWED_BY_VIEWER, PersonCondition

# Above this, the navigation says "99+", and so do groups about the people whom they don't name.
COUNT_LIMIT = 99
# How many people a group names. The others are only counted.
NAMED = 2

# The newest notification of a member, also one that they may not see. Most members have seen it, so most pages ask only this. With
# `recipient` instead of `recipient__pk`, Django would inspect the value, which a compiled query doesn't have.
NEWEST = CompiledQuery(
    lambda recipient: (
        Notification.objects.grouped().filter(recipient__pk=recipient).order_by("-pk").only("pk")[:1]
    ),
    recipient=BigIntegerField(),
)


@dataclass
class Group:
    """Notifications that are shown as one. `people` are the actors, the latest first, each once."""

    newest: Notification
    people: list[User] = field(default_factory=list)
    subject: object = None

    @property
    def type(self):
        return types.get(self.newest.type)

    @property
    def position(self):
        return self.newest.pk

    @property
    def named(self):
        return self.people[:NAMED]

    @property
    def unnamed_count(self):
        """How many people are only counted, at most COUNT_LIMIT."""
        return min(len(self.people[NAMED:]), COUNT_LIMIT)

    @property
    def has_more_people(self):
        """Whether there are more people than `unnamed_count` says."""
        return len(self.people[NAMED:]) > COUNT_LIMIT


def shown_to(user, names=None):
    """Return the notifications that `user` may see and hasn't turned off on the site.

    `names`, if given, are those of the only types that can occur. Building a query for all types takes longer than running it.
    """
    off = NotificationPreference.objects.filter(user=user.pk, type=OuterRef("type"), on_site=False)
    visible = Q(pk__in=[])
    for each in types.notification_types():
        if (names is None or each.name in names) and each.shown_to(user):
            wanted = Q(~Exists(off)) if each.can_be_off_site else Q()
            visible |= Q(type=each.name) & wanted & each.condition(user)
    return Notification.objects.grouped().filter(visible, recipient=user.pk)


def newest_of_groups(user):
    """Return the newest notification of each group, newest first, with its id as `position`."""
    shown = shown_to(user)
    later = shown.filter(group_key=OuterRef("group_key"), pk__gt=OuterRef("pk"))
    return shown.filter(~Exists(later)).annotate(position=F("pk")).order_by("-pk")


def newest_id(user):
    """Return the id of the newest notification of `user`, which they may not be able to see, or 0."""
    newest = NEWEST.rows(recipient=user.pk)
    return newest[0].pk if newest else 0


def new_group_count(user):
    """Return how many groups have something that `user` hasn't seen, at most COUNT_LIMIT + 1."""
    if newest_id(user) <= user.notifications_seen:
        return 0
    rows = Notification.objects.grouped().filter(recipient=user.pk)
    new = rows.filter(pk__gt=user.notifications_seen)
    names = set(new.order_by().values_list("type", flat=True).distinct())
    later = rows.filter(group_key=OuterRef("group_key"), pk__gt=OuterRef("pk"))
    shown = shown_to(user, names).filter(group_key=OuterRef("group_key"), pk__gt=user.notifications_seen)
    # Finding the last row of a group takes only an index, so a group isn't checked row by row.
    return new.filter(~Exists(later), Exists(shown))[: COUNT_LIMIT + 1].count()


def new_group_text(user):
    """Return how many groups are new as a text, such as "3" or "99+", or "" if there are none."""
    count = new_group_count(user)
    return f"{COUNT_LIMIT}+" if count > COUNT_LIMIT else str(count or "")


def mark_seen(user, position):
    """Store that `user` has seen the notifications up to the id `position`. It never moves back."""
    User.objects.filter(pk=user.pk, notifications_seen__lt=position).update(notifications_seen=position)


def load_groups(user, heads):
    """Return the Groups whose newest notifications are `heads`.

    Makes one query for the people, and one for each different `load_subjects` of their types.
    """
    groups = {head.group_key: Group(head) for head in heads}
    if groups:
        _load_people(user, groups)
        _load_subjects(user, groups.values())
    return list(groups.values())


def _load_people(user, groups):
    names = {group.newest.type for group in groups.values()}
    rows = shown_to(user, names).filter(group_key__in=groups.keys()).select_related("actor")
    rows = rows.annotate(is_followed=PersonCondition(FOLLOWED_BY_VIEWER, "actor", user.pk)).order_by("-pk")
    seen = set()
    for row in rows:
        if row.actor and (row.group_key, row.actor_id) not in seen:
            seen.add((row.group_key, row.actor_id))
            row.actor.is_followed = row.is_followed
            groups[row.group_key].people.append(row.actor)


def _load_subjects(user, groups):
    by_loader = {}
    for group in groups:
        if loader := group.type.load_subjects:
            by_loader.setdefault(loader, []).append(group)
    for loader, those in by_loader.items():
        subjects = loader(user, {group.newest.subject for group in those})
        for group in those:
            group.subject = subjects.get(group.newest.subject)
