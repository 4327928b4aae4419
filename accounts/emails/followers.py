"""The mails about followers."""

from datetime import datetime, timedelta
from itertools import islice
from types import SimpleNamespace

from django.db.models import Count, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import signals
from accounts.emails import plans
from accounts.emails.kinds import When, register
from accounts.emails.outbox import mail
from accounts.emails.plans import CollectedKind
from accounts.jobs.pace import paced
from accounts.links import absolute
from accounts.models import (
    Delivery,
    Follow,
    FollowerChange,
    FollowNotice,
    MailPlan,
    MailPreference,
    Milestone,
    User,
)

# So many are named; the rest are counted.
NAMED = 10
# Up to so many followers are counted again and again to see whether a milestone is reached.
COUNTED = 1_000
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# A mail that has waited for so long was forgotten, and holds up no others.
LONGEST_WAIT = timedelta(days=8)


def sample_people():
    """Made-up people for previews."""
    names = {"grace": "Grace Hopper", "alan": "Alan Turing", "katherine": "Katherine Johnson"}
    return [User(username=username, display_name=name) for username, name in names.items()]


def shown(people):
    """What a mail says of each of `people`."""
    return [
        SimpleNamespace(
            display_name=person.display_name,
            full_name=person.full_name,
            username=person.username,
            url=absolute(person.get_absolute_url()),
        )
        for person in people
    ]


@register
class NewFollower(CollectedKind):
    """Who follows the recipient now: the first at once, then collected, at most one an hour and five a day."""

    name = "new_follower"
    label = gettext_lazy("Someone follows me")
    template = "accounts/email/new_follower"
    choices = (When.AT_ONCE, When.DAILY, When.WEEKLY, When.NEVER)
    a_day = 5

    def note(self, follow):
        """Keep that `follow` is to be told of, unless a mail named the same person within a day, and plan the mail.

        Call it in a transaction.
        """
        recipient, follower = follow.followed, follow.follower
        when = MailPreference.of(recipient, self)
        if when == When.NEVER:
            return
        # Whoever makes the mail holds this lock, too: a person is either in it, or not told of yet.
        MailPlan.locked(recipient, self)
        if self._is_told(follow):
            return
        FollowNotice.objects.update_or_create(
            recipient=recipient, follower=follower, told_in="", defaults={"follow_id": follow.pk}
        )
        if when == When.AT_ONCE:
            plans.plan(recipient, self)

    def _is_told(self, follow):
        """Whether a mail that was sent within a day, or waits to be sent, names this follower.

        What counts is when the mail was sent. The notice may be a good deal older: the cap, a weekly mail and a mail
        server that is away delay it.
        """
        notices = FollowNotice.objects.filter(recipient=follow.followed, follower=follow.follower)
        mails = Delivery.objects.filter(recipient=follow.followed, kind=self.name)
        sent = mails.filter(state=Delivery.State.SENT, sent_on__gt=timezone.now() - paced(DAY))
        if notices.filter(told_in__in=sent.values("key")).exists():
            return True
        waiting = mails.filter(state=Delivery.State.WAITING)
        # That mail names whoever follows when it is sent, so it needs to know of the new follow.
        return bool(notices.filter(told_in__in=waiting.values("key")).update(follow_id=follow.pk))

    def earliest(self, recipient, plan, now):
        mails = Delivery.objects.filter(recipient=recipient, kind=self.name)
        # One that still waits for its mail server may arrive at any moment, whenever it was made.
        waiting = mails.filter(state=Delivery.State.WAITING, created_on__gt=now - LONGEST_WAIT)
        sent = mails.filter(state=Delivery.State.SENT, sent_on__gt=now - paced(DAY))
        times = [now] * waiting.count() + list(sent.order_by("-sent_on").values_list("sent_on", flat=True))
        waits = [now]
        if times:
            waits.append(times[0] + paced(HOUR))
        if len(times) >= self.a_day:
            waits.append(times[self.a_day - 1] + paced(DAY))
        return max(waits)

    def collect(self, recipient, since, until):
        untold = FollowNotice.objects.filter(recipient=recipient, told_in="")
        if MailPreference.of(recipient, self) == When.NEVER:
            untold.delete()
        elif untold.exists():
            key = timezone.now().isoformat()
            untold.update(told_in=key)
            mail(self.name, recipient, key, told_in=key)

    def discard(self, until):
        newer = Follow.objects.filter(created_on__gte=until).values("pk")
        untold = FollowNotice.objects.filter(told_in="").exclude(follow_id__in=newer)
        untold.update(told_in=f"discarded {until.isoformat()}")

    def content(self, recipient, told_in):
        told = FollowNotice.objects.filter(recipient=recipient, told_in=told_in).values("follow_id")
        # Asked for once more: since they followed, one may have blocked the other.
        visible = User.objects.visible_to(recipient)
        follows = Follow.objects.filter(pk__in=told, follower__in=visible)
        named = follows.select_related("follower").order_by("-pk")[:NAMED]
        return self.about([follow.follower for follow in named], follows.count())

    def about(self, people, count):
        """Return what the templates need, or None if nobody is left."""
        if not people:
            return None
        return {"people": shown(people), "first": people[0], "count": count, "more": count - len(people)}

    def sample(self, recipient):
        people = sample_people()
        return self.about(people, len(people))


@register
class FollowerStatement(CollectedKind):
    """Who came and who went, net: whoever came and went again is not mentioned."""

    name = "follower_statement"
    label = gettext_lazy("A statement of my followers")
    template = "accounts/email/follower_statement"
    choices = (When.DAILY, When.WEEKLY, When.NEVER)
    default = When.NEVER

    def note(self, recipient_id, person_id, change, happened_on):
        """Keep that a follower was gained (1) or lost (-1), if the followed one gets statements.

        Call it in a transaction that has locked both.
        """
        subscribed = MailPlan.objects.filter(recipient=recipient_id, kind=self.name, due_on__isnull=False)
        if subscribed.exists():
            FollowerChange.objects.bulk_create(
                [
                    FollowerChange(
                        recipient_id=recipient_id, person_id=person_id, change=change, happened_on=happened_on
                    )
                ],
                ignore_conflicts=True,
            )

    def content(self, recipient, since, until):
        changes = FollowerChange.objects.filter(
            recipient=recipient,
            happened_on__gt=datetime.fromisoformat(since),
            happened_on__lte=datetime.fromisoformat(until),
        )
        sums = changes.order_by().values("person").annotate(sum=Sum("change"))
        gained, lost = sums.filter(sum__gt=0), sums.filter(sum__lt=0)
        people = User.objects.visible_to(recipient)
        came = people.filter(pk__in=gained.values("person"))
        # Who went because of a block is counted, and not named.
        gone = people.filter(pk__in=lost.values("person"))
        return self.about(came, gone, lost.count(), recipient.follower_count)

    def about(self, gained, lost, went, total):
        """Return what the templates need, or None if nothing has changed."""
        came = len(gained)
        if not came and not went:
            return None
        return {
            "gained": shown(gained[:NAMED]),
            "lost": shown(lost[:NAMED]),
            "gained_count": came,
            "lost_count": went,
            "gained_more": max(came - NAMED, 0),
            "lost_more": went - len(lost[:NAMED]),
            "total": total,
        }

    def sample(self, recipient):
        people = sample_people()
        return self.about(people[:2], people[2:], 1, 42)


def thresholds(count):
    """The set of 10, 100, 1,000 ... that are not above `count`."""
    return {10**power for power in range(1, len(str(count)))}


@register
class FollowerMilestone(CollectedKind):
    """That the recipient has 10, 100, 1,000 ... followers: once for each ever, and the highest at once."""

    name = "follower_milestone"
    label = gettext_lazy("My followers reach 10, 100, 1,000 and so on")
    template = "accounts/email/follower_milestone"

    def earliest(self, recipient, plan, now):
        # Counting has a price: every other minute is often enough, and once an hour after something was reached.
        waits = [now, plan.told_until + paced(timedelta(minutes=2))]
        if row := Milestone.objects.filter(user=recipient).order_by("-reached_on").first():
            waits.append(row.reached_on + paced(HOUR))
        return max(waits)

    def collect(self, recipient, since, until):
        """Record what was reached, and publish `follower_milestone_reached` if it is a new height."""
        known = set(recipient.milestones.values_list("threshold", flat=True))
        reached = self.reached_by(recipient, beyond=max(known, default=1))
        Milestone.objects.bulk_create(
            [Milestone(user=recipient, threshold=threshold) for threshold in reached - known],
            ignore_conflicts=True,
        )
        highest = max(reached, default=0)
        if highest > max(known, default=0):
            signals.follower_milestone_reached.send(sender=User, user=recipient, threshold=highest)

    def discard(self, until):
        """Record what everyone had reached by then, and tell nobody."""
        followers = Follow.objects.filter(created_on__lt=until).order_by().values("followed")
        reached = followers.annotate(count=Count("pk")).filter(count__gte=min(thresholds(10)))
        milestones = (
            Milestone(user_id=row["followed"], threshold=threshold)
            for row in reached.iterator(chunk_size=1000)
            for threshold in thresholds(row["count"])
        )
        while some := list(islice(milestones, 1000)):
            Milestone.objects.bulk_create(some, ignore_conflicts=True)

    def reached_by(self, recipient, beyond):
        """Return the thresholds that the recipient has reached; nothing, sometimes, if none of them is above `beyond`.

        Only followers that are there count. Where counting them takes long, it waits until the stored count says that it pays.
        """
        if COUNTED < beyond * 10 > recipient.follower_count:
            return set()
        return thresholds(User.objects.followers_of(recipient).count())

    def content(self, recipient, threshold):
        return {"threshold": threshold, "total": User.objects.followers_of(recipient).count()}

    def sample(self, recipient):
        return {"threshold": 100, "total": 104}
