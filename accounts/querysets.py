from allauth.account.models import EmailAddress
from django.db import models, transaction
from django.db.models import (
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce

from accounts.database_errors import AccountGone


def without_blocked(queryset, field, viewer):
    """Leave out the rows in whose `field` stands somebody with a block between them and `viewer`, in either direction."""
    if not viewer.is_authenticated:
        return queryset
    blocked = viewer.blocks.values("blocked")
    blockers = viewer.blocked_by.values("blocker")
    return queryset.exclude(**{f"{field}__in": blocked}).exclude(**{f"{field}__in": blockers})


def is_among(people, field):
    """The condition that whoever stands in `field` is one of `people`, such as the suspended, who have an index of their own.

    Each row's person is looked for there. A list of all these people would be made for every page, and grows with the site;
    written like this no planner makes one, nor expects that hardly any row is left.
    """
    found = people.filter(pk=OuterRef(field)).values(found=Value(True))
    return Coalesce(Subquery(found), Value(False))


class UserQuerySet(models.QuerySet):
    """The words in which people are asked for."""

    def visible(self):
        """People who are not suspended."""
        return self.filter(suspended_on=None)

    def suspended(self):
        return self.filter(suspended_on__isnull=False)

    def indexable(self):
        """Visible people whom search engines may show."""
        return self.visible().filter(noindex=False)

    def with_email(self, email):
        """The one whose address that is, if any. Where addresses must be confirmed, it was."""
        return self.filter(email=email)

    def reached_at(self, email):
        """Return a list of the one active person to whom what is asked for by that address is mailed, or an empty one.

        Without an owner it is whoever signed up with it last, and has yet to confirm it.
        """
        signed_up = self.filter(email=None, emailaddress__email=email, emailaddress__primary=True)
        user = self.with_email(email).first() or signed_up.order_by("-pk").first()
        return [user] if user and user.is_active else []

    def never_confirmed(self, before):
        """People who signed up before the datetime `before` and never confirmed their address, so never got in."""
        waiting = EmailAddress.objects.filter(user=OuterRef("pk"), verified=False)
        return self.filter(Exists(waiting), email=None, last_login=None, date_joined__lt=before)

    def unblocked_for(self, viewer):
        """People whom `viewer` has not blocked, and who have not blocked `viewer`. A visitor has no blocks."""
        return without_blocked(self, "pk", viewer)

    def visible_to(self, viewer):
        """Visible people without a block between them and `viewer`."""
        return self.visible().unblocked_for(viewer)

    def blocked_by(self, user):
        """Visible people whom `user` has blocked, newest block first; `position` orders them."""
        return self.visible().filter(blocked_by__blocker=user).in_order_of("blocked_by__id")

    def followers_of(self, user):
        """Visible people who follow `user`, newest follow first; `position` orders them."""
        return self.visible().filter(followings__followed=user).in_order_of("followings__id")

    def followed_by(self, user):
        """Visible people whom `user` follows, newest follow first; `position` orders them."""
        return self.visible().filter(followed_by__follower=user).in_order_of("followed_by__id")

    def in_order_of(self, field):
        return self.annotate(position=F(field)).order_by("-position")

    def named(self, prefixes):
        """People in whose names a word begins with each of the `prefixes`, found by these; see accounts.models.name."""
        people = self
        for prefix in prefixes:
            people = people.filter(pk__in=self._name_words().beginning_with(prefix).values("user"))
        return people

    def bearing(self, prefixes):
        """The same people, for a walk through all: each is asked for their names."""
        people = self
        for prefix in prefixes:
            words = self._name_words().beginning_with(prefix).filter(user=OuterRef("pk"))
            people = people.filter(Exists(words))
        return people

    def _name_words(self):
        return self.model._meta.get_field("name_words").related_model.objects

    def most_followed(self):
        """Most followed first, then the longest here; `position` orders them. It is read from an index."""
        return self.annotate(position=F("rank")).order_by("-position")

    def sorted_by_rank(self):
        """The same order for few people: they are found first, and then sorted."""
        # Without the sum, a planner might think that walking through everybody in this order is quicker. Without its kind,
        # a driver that binds parameters by their kind would cut off the position that it is compared with.
        big = models.BigIntegerField()
        rank = ExpressionWrapper(F("rank") + Value(0, output_field=big), output_field=big)
        return self.annotate(position=rank).order_by("-position")

    def in_locking_order(self):
        """Lock these people's rows until the transaction ends. Everyone locks in this order, so that no two wait for each other."""
        return self.order_by("pk").select_for_update(no_key=True)

    def lock(self, *keys):
        """Lock the members with these primary keys until the transaction ends.

        Returns a dict: to each of them who is still there, whether they are visible, which is to say not suspended.
        """
        people = self.filter(pk__in=keys).in_locking_order()
        return {key: suspended_on is None for key, suspended_on in people.values_list("pk", "suspended_on")}

    def present(self, key):
        """Return the member with that primary key. Raises AccountGone if they have left."""
        member = self.filter(pk=key).first()
        if member is None:
            raise AccountGone
        return member

    def with_counted(self):
        """Adds `counted_followers` and `counted_following`, of visible people, from the rows."""
        return self.annotate(
            counted_followers=self._count_of("followed", "follower"),
            counted_following=self._count_of("follower", "followed"),
        )

    def miscounted(self):
        """People whose stored counts differ from the rows."""
        right = Q(follower_count=F("counted_followers"), following_count=F("counted_following"))
        return self.with_counted().exclude(right)

    def recount(self):
        """Correct the stored counts of these people from the rows. Returns how many were wrong.

        To be called in a transaction that has locked them, or where nobody else writes.
        """
        return self.miscounted().update(
            follower_count=self._count_of("followed", "follower"),
            following_count=self._count_of("follower", "followed"),
        )

    def _count_of(self, mine, theirs):
        follows = self.model.follows.through.objects.order_by()
        counts = (
            follows.filter(**{mine: OuterRef("pk")})
            .exclude(is_among(self.model.objects.suspended(), theirs))
            .values(mine)
            .annotate(count=Count("pk"))
            .values("count")
        )
        return Coalesce(Subquery(counts), 0, output_field=models.IntegerField())

    def bulk_create(self, objs, *args, **kwargs):
        """Also store the words by which the new people are found."""
        with transaction.atomic(using=self.db):
            people = super().bulk_create(objs, *args, **kwargs)
            self._name_words().model.store([person for person in people if person.pk])
        return people

    def mentionable_by(self, authors, names):
        """Map each of `names` that a visible person has to them and to those of `authors` who may not mention them.

        `authors` are primary keys. One query, however many there are.
        """
        rows = (
            self.visible()
            .filter(username__in=names)
            .annotate(
                made=FilteredRelation("blocks", condition=Q(blocks__blocked__in=authors)),
                met=FilteredRelation("blocked_by", condition=Q(blocked_by__blocker__in=authors)),
            )
            .values_list("username", "made__blocked", "met__blocker")
        )
        found = {}
        for username, *parted in rows:
            found.setdefault(username, (self.model(username=username), set()))[1].update(parted)
        return found

    def with_blocks_of(self, viewer):
        """Adds `is_blocked`, whether `viewer` blocks each, and `blocks_viewer`, whether each blocks `viewer`."""
        if not viewer.is_authenticated:
            return self.annotate(is_blocked=Value(False), blocks_viewer=Value(False))
        return self.annotate(
            is_blocked=Exists(viewer.blocks.filter(blocked=OuterRef("pk"))),
            blocks_viewer=Exists(viewer.blocked_by.filter(blocker=OuterRef("pk"))),
        )

    def with_followed_by(self, viewer):
        """Adds `is_followed`: whether `viewer` follows each. Nobody is followed by a visitor."""
        if not viewer.is_authenticated:
            return self.annotate(is_followed=Value(False))
        follows = self.model.follows.through.objects
        return self.annotate(is_followed=Exists(follows.filter(follower=viewer, followed=OuterRef("pk"))))
