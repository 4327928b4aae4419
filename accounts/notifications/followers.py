"""Notifications about followers: new ones, milestones, and the summary of new and lost ones."""

from datetime import datetime
from types import SimpleNamespace

from django.db.models import F, Max, Min, OuterRef, Q, Subquery
from django.db.models.lookups import IsNull
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import signals
from accounts.common.links import absolute
from accounts.emails.samples import sample_people
from accounts.models import Follow, User
from accounts.notifications import digests
from accounts.notifications.models import DigestSchedule, Notification
from accounts.notifications.types import Digest, Frequency, NotificationType, by_visible_people, register
from accounts.querysets import without_muted

# How many people an email names. The others are only counted.
NAMED = 10
# The type of a Notification that is never shown: only the summary uses it.
UNFOLLOW = "unfollow"


def connect():
    """Connect the receivers of this room. Called by AccountsConfig.ready()."""
    signals.user_followed.connect(record_follow)
    signals.user_unfollowed.connect(record_unfollow)
    signals.follower_milestone_reached.connect(record_milestone)
    signals.clock_was_ahead.connect(digests.correct_future_times)


@register
class NewFollower(NotificationType):
    """New followers. The subject is the id of the Follow."""

    name = "new_follower"
    label = gettext_lazy("Someone follows me")
    template = "accounts/email/new_follower"

    item_template = "accounts/notifications/_new_follower.html"

    def condition(self, recipient):
        # With EXISTS, PostgreSQL might first collect all follows of the site in a table.
        follow = Subquery(Follow.objects.filter(pk=OuterRef("subject")).values("pk"))
        return Q(IsNull(follow, False)) & by_visible_people(recipient)

    def group(self, subject):
        return ""

    def earlier_email(self, recipient, actor, subject):
        """Return the key of an email about `actor` that is about to be sent, or REPEATED if one was sent within a day.

        A waiting email reads the follows when it is sent, so it names someone who follows again.
        """
        notifications = Notification.objects.filter(recipient=recipient, actor=actor, type=self.name)
        return digests.earlier_email(self, recipient, notifications)

    def content_for(self, recipient, notifications):
        follows = Follow.objects.filter(pk__in=notifications.values("subject"))
        named = follows.select_related("follower").order_by("-pk")[:NAMED]
        return self._context([follow.follower for follow in named], follows.count())

    def sample(self, recipient):
        people = sample_people()
        return self._context(people, len(people))

    def _context(self, people, count):
        if not people:
            return None
        return {
            "people": describe(people),
            "first": people[0],
            "count": count,
            "more": count - len(people),
        }


def record_follow(sender, follow, **kwargs):
    """Notify the followed person."""
    digests.notify(NewFollower.name, follow.followed, actor=follow.follower, subject=follow.pk)


def record_unfollow(sender, follower, followed, **kwargs):
    """Delete the notification of the follow, unless an email or a summary includes it, and record the unfollow for the summary.

    If the notification is deleted, the summary doesn't need the unfollow, because it never includes the follow.
    """
    changes = Notification.objects.filter(recipient=followed, actor=follower)
    ended_before = changes.filter(type=UNFOLLOW).aggregate(last=Max("pk"))["last"] or 0
    follows = changes.filter(type=NewFollower.name, pk__gt=ended_before)
    not_in_an_email = follows.filter(emailed_in__in=Notification.NOT_IN_AN_EMAIL)
    covered_until = summary_covered_until(followed)
    if covered_until is None:
        not_in_an_email.delete()
        return
    # A summary that is waiting for the mail server still has to read these.
    not_in_an_email.filter(created_on__lte=covered_until).update(emailed_in=Notification.NOT_WANTED)
    deleted, _by_model = not_in_an_email.filter(created_on__gt=covered_until).delete()
    if not deleted or follows.filter(created_on__gt=covered_until).exists():
        store_for_summary(UNFOLLOW, followed, follower, timezone.now())


@register
class FollowerMilestone(NotificationType):
    """Milestones of 10, 100, 1,000 followers, and so on. The subject is that number. The email is about the highest."""

    name = "follower_milestone"
    label = gettext_lazy("I reach 10, 100, 1,000 followers, and so on")
    template = "accounts/email/follower_milestone"
    frequencies = (Frequency.AT_ONCE, Frequency.NEVER)
    is_kept = True
    item_template = "accounts/notifications/_follower_milestone.html"

    def content_for(self, recipient, notifications):
        threshold = notifications.aggregate(highest=Max("subject"))["highest"]
        if threshold is None:
            return None
        return self._context(recipient, threshold, User.objects.followers_of(recipient).count())

    def sample(self, recipient):
        return self._context(recipient, 100, 104)

    def _context(self, recipient, threshold, total):
        return {"threshold": threshold, "total": total, "followers_url": followers_url(recipient)}


def record_milestone(sender, user, threshold, **kwargs):
    """Notify the person who reached the milestone."""
    digests.notify(FollowerMilestone.name, user, subject=threshold)


@register
class FollowerSummary(Digest):
    """Net changes in followers: someone who followed and unfollowed, or unfollowed and followed again, isn't mentioned."""

    name = "follower_statement"
    label = gettext_lazy("A summary of new and lost followers")
    template = "accounts/email/follower_statement"
    frequencies = (Frequency.DAILY, Frequency.WEEKLY, Frequency.NEVER)
    default = Frequency.NEVER

    def content(self, recipient, since, until):
        gained, lost = net_changes(recipient, datetime.fromisoformat(since), datetime.fromisoformat(until))
        visible = without_muted(User.objects.visible_to(recipient), "pk", recipient)
        return self._context(
            visible.filter(pk__in=gained.values("actor")),
            # Muted people who unfollowed, and those who did because of a block, are counted, but not named.
            visible.filter(pk__in=lost.values("actor")),
            lost.count(),
            recipient.follower_count,
            recipient,
        )

    def sample(self, recipient):
        people = sample_people()
        return self._context(people[:2], people[2:], 1, 42, recipient)

    def _context(self, gained, lost, lost_count, total, recipient):
        gained_count = len(gained)
        if not gained_count and not lost_count:
            return None
        return {
            "gained": describe(gained[:NAMED]),
            "lost": describe(lost[:NAMED]),
            "gained_count": gained_count,
            "lost_count": lost_count,
            "gained_more": max(gained_count - NAMED, 0),
            "lost_more": lost_count - len(lost[:NAMED]),
            "total": total,
            "followers_url": followers_url(recipient),
        }


def followers_url(person):
    """Return the absolute URL of the list of a person's followers."""
    return absolute(reverse("accounts:followers", args=[person.username]))


def net_changes(recipient, since, until):
    """Return the new and the lost followers in that span of time, as two querysets of dicts with the key `actor`.

    A person's first and last changes show whether they followed before and after it.
    """
    changes = Notification.objects.filter(
        recipient=recipient,
        type__in=[NewFollower.name, UNFOLLOW],
        created_on__gt=since,
        created_on__lte=until,
    )
    is_unfollow = Q(type=UNFOLLOW)
    people = changes.order_by().values("actor")
    people = people.annotate(
        first=Min("created_on"),
        last=Max("created_on"),
        first_unfollow=Min("created_on", filter=is_unfollow),
        last_unfollow=Max("created_on", filter=is_unfollow),
    )
    followed_at_first = Q(first_unfollow=None) | Q(first_unfollow__gt=F("first"))
    followed_at_last = Q(last_unfollow=None) | Q(last_unfollow__lt=F("last"))
    gained = people.filter(followed_at_first & followed_at_last)
    lost = people.filter(first_unfollow=F("first"), last_unfollow=F("last"))
    return gained, lost


def summary_covered_until(user):
    """Return the end of the time that the last follower summary covers, or None if `user` doesn't get summaries."""
    schedules = DigestSchedule.objects.filter(recipient=user, type=FollowerSummary.name, due_on__isnull=False)
    return schedules.values_list("covered_until", flat=True).first()


def store_for_summary(type_name, recipient, actor, created_on):
    """Store a change of followers that only the summary uses."""
    Notification.objects.create(
        recipient=recipient,
        type=type_name,
        actor=actor,
        created_on=created_on,
        emailed_in=Notification.SUMMARY_ONLY,
    )


def describe(people):
    """Return what the email templates show about each of `people`."""
    return [
        SimpleNamespace(
            display_name=person.display_name,
            full_name=person.full_name,
            username=person.username,
            url=absolute(person.get_absolute_url()),
        )
        for person in people
    ]
