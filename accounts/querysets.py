from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models import (
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    Func,
    OuterRef,
    Q,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce

from accounts.common.database_errors import AccountGone

# Conditions about the person whose key is in the column {person}. The database looks up each row's person in an index. With an
# uncorrelated subquery, a planner may list all suspended people for every page, or wrongly expect that hardly any rows are
# left. The conditions are SQL because Django takes longer to build and compile such subqueries than the database takes to run
# them.
SUSPENDED = (
    "coalesce((SELECT TRUE FROM {user} u WHERE u.id = {person} AND u.suspended_on IS NOT NULL), FALSE)"
)
NOINDEX = "coalesce((SELECT TRUE FROM {user} u WHERE u.id = {person} AND u.noindex), FALSE)"
# In either direction. The subquery is the same for all rows, so it runs once.
BLOCKED = """{person} IN (
    SELECT b.blocked_id FROM {block} b WHERE b.blocker_id = {viewer}
    UNION ALL SELECT b.blocker_id FROM {block} b WHERE b.blocked_id = {viewer}
)"""
BLOCKED_BY_VIEWER = (
    "EXISTS (SELECT 1 FROM {block} b WHERE b.blocker_id = {viewer} AND b.blocked_id = {person})"
)
BLOCKS_VIEWER = "EXISTS (SELECT 1 FROM {block} b WHERE b.blocker_id = {person} AND b.blocked_id = {viewer})"
FOLLOWED_BY_VIEWER = (
    "EXISTS (SELECT 1 FROM {follow} f WHERE f.follower_id = {viewer} AND f.followed_id = {person})"
)
MUTED_BY_VIEWER = "EXISTS (SELECT 1 FROM {mute} m WHERE m.muter_id = {viewer} AND m.muted_id = {person})"


class PersonCondition(Func):
    """One of the conditions above, for the people in a field and, where the condition needs one, a viewer."""

    def __init__(self, sql, field, viewer_id=None):
        super().__init__(field, output_field=models.BooleanField())
        self.sql, self.viewer_id = sql, viewer_id

    def as_sql(self, compiler, connection):
        person, params = compiler.compile(self.get_source_expressions()[0])
        if params:
            raise ValueError("The person must be a column, because the SQL repeats it.")
        sql = self.sql.format(person=person, viewer="%s", **_table_names(connection))
        return sql, [self.viewer_id] * self.sql.count("{viewer}")


def _table_names(connection):
    user = get_user_model()
    tables = {
        "user": user,
        "block": user.blocks.rel.related_model,
        "follow": user.follows.through,
        "mute": user.mutes.rel.related_model,
    }
    return {name: connection.ops.quote_name(model._meta.db_table) for name, model in tables.items()}


def without_blocked(queryset, field, viewer):
    """Return the rows without those where `viewer` and the person in `field` have blocked each other, in either direction."""
    return (
        queryset.exclude(PersonCondition(BLOCKED, field, viewer.pk)) if viewer.is_authenticated else queryset
    )


def without_muted(queryset, field, viewer):
    """Return the rows without those where `viewer` has muted the person in `field`."""
    return (
        queryset.exclude(PersonCondition(MUTED_BY_VIEWER, field, viewer.pk))
        if viewer.is_authenticated
        else queryset
    )


class UserQuerySet(models.QuerySet):
    """Queries for people."""

    def visible(self):
        """Return people who aren't suspended and don't wait for approval."""
        return self.filter(suspended_on=None, pending_since=None)

    def suspended(self):
        return self.filter(suspended_on__isnull=False)

    def suspended_until(self, now):
        """Return people whose suspension ended before the datetime `now`."""
        return self.suspended().filter(suspended_until__lte=now)

    def indexable(self):
        """Return visible people whose pages search engines may show."""
        return self.visible().filter(noindex=False)

    def with_email(self, email):
        """Return the person with that email address, as a queryset. Where addresses must be confirmed, only those count."""
        return self.filter(email=email)

    def reached_at(self, email):
        """Return a list with the one active person who gets the emails requested for that address, or an empty list.

        If no account owns the address, the list has the latest person who signed up with it and hasn't confirmed it yet.
        """
        signed_up = self.filter(email=None, emailaddress__email=email, emailaddress__primary=True)
        user = self.with_email(email).first() or signed_up.order_by("-pk").first()
        return [user] if user and user.is_active else []

    def never_confirmed(self, before):
        """Return people who signed up before the datetime `before` and never confirmed their address, so they never logged in."""
        waiting = EmailAddress.objects.filter(user=OuterRef("pk"), verified=False)
        return self.filter(Exists(waiting), email=None, last_login=None, date_joined__lt=before)

    def unblocked_for(self, viewer):
        """Return people without a block between them and `viewer`. A visitor has no blocks."""
        return without_blocked(self, "pk", viewer)

    def visible_to(self, viewer):
        """Return visible people without a block between them and `viewer`."""
        return self.visible().unblocked_for(viewer)

    def blocked_by(self, user):
        """Return visible people whom `user` has blocked, newest block first, with `position`."""
        return self.visible().filter(blocked_by__blocker=user).newest_first_by("blocked_by__id")

    def muted_by(self, user):
        """Return visible people whom `user` has muted, newest mute first, with `position` and `muted_until`."""
        muted = self.visible().unblocked_for(user).filter(muted_by__muter=user)
        return muted.annotate(muted_until=F("muted_by__until")).newest_first_by("muted_by__id")

    def followers_of(self, user):
        """Return visible people who follow `user`, newest follow first, with `position`."""
        return self.visible().filter(followings__followed=user).newest_first_by("followings__id")

    def followed_by(self, user):
        """Return visible people whom `user` follows, newest follow first, with `position`."""
        return self.visible().filter(followed_by__follower=user).newest_first_by("followed_by__id")

    def newest_first_by(self, field):
        return self.annotate(position=F(field)).order_by("-position")

    def named(self, prefixes):
        """Return people who have, for each of `prefixes`, a word in their names that begins with it. Queries the words first."""
        people = self
        for prefix in prefixes:
            people = people.filter(pk__in=self._name_words().beginning_with(prefix).values("user"))
        return people

    def named_row_by_row(self, prefixes):
        """Return the same people as `named()`, but check person by person, for a query that reads people in another order."""
        people = self
        for prefix in prefixes:
            words = self._name_words().beginning_with(prefix).filter(user=OuterRef("pk"))
            people = people.filter(Exists(words))
        return people

    def _name_words(self):
        return self.model._meta.get_field("name_words").related_model.objects

    def most_followed(self):
        """Order by followers, most first, then by age of the account, oldest first, with `position`. Reads an index."""
        return self.annotate(position=F("rank")).order_by("-position")

    def sorted_by_rank(self):
        """Order like `most_followed()`, but find the people first and then sort them. For few people."""
        # Without the sum, a planner might read everyone in this order from the index. Without the type, a driver that binds
        # parameters by type would truncate the position in comparisons.
        big = models.BigIntegerField()
        rank = ExpressionWrapper(F("rank") + Value(0, output_field=big), output_field=big)
        return self.annotate(position=rank).order_by("-position")

    def in_locking_order(self):
        """Lock these people's rows until the transaction ends. All code locks them in this order, which prevents deadlocks."""
        return self.order_by("pk").select_for_update(no_key=True)

    def lock(self, *keys):
        """Lock the members with these primary keys until the transaction ends.

        Returns a dict with the keys of those who still exist. The values say whether they are visible: not suspended, and not
        waiting for approval.
        """
        people = self.filter(pk__in=keys).in_locking_order()
        rows = people.values_list("pk", "suspended_on", "pending_since")
        return {
            key: suspended_on is None and pending_since is None for key, suspended_on, pending_since in rows
        }

    def present(self, key):
        """Return the member with that primary key. Raises AccountGone if they have left."""
        member = self.filter(pk=key).first()
        if member is None:
            raise AccountGone
        return member

    def with_counted(self):
        """Add `counted_followers` and `counted_following`, the counts of visible people from the rows."""
        return self.annotate(
            counted_followers=self._count_of("followed", "follower"),
            counted_following=self._count_of("follower", "followed"),
        )

    def miscounted(self):
        """Return people whose stored counts differ from the rows."""
        right = Q(follower_count=F("counted_followers"), following_count=F("counted_following"))
        return self.with_counted().exclude(right)

    def recount(self):
        """Correct the stored counts of these people from the rows. Returns how many were wrong.

        Call it in a transaction that has locked them, or when nobody else writes.
        """
        return self.miscounted().update(
            follower_count=self._count_of("followed", "follower"),
            following_count=self._count_of("follower", "followed"),
        )

    def _count_of(self, mine, theirs):
        follows = self.model.follows.through.objects.order_by()
        counts = (
            follows.filter(**{mine: OuterRef("pk")})
            .exclude(PersonCondition(SUSPENDED, theirs))
            .values(mine)
            .annotate(count=Count("pk"))
            .values("count")
        )
        return Coalesce(Subquery(counts), 0, output_field=models.IntegerField())

    def bulk_create(self, objs, *args, **kwargs):
        """Also store the words of the new people's names."""
        with transaction.atomic(using=self.db):
            people = super().bulk_create(objs, *args, **kwargs)
            self._name_words().model.store([person for person in people if person.pk])
        return people

    def mentionable_by(self, authors, names):
        """Return a dict of the visible people among `names`: username to (person, keys of the authors with a block).

        `authors` are primary keys. The second item of a value contains the authors who have blocked the person or were blocked
        by them, and may contain None. Makes one query.
        """
        rows = (
            self.visible()
            .filter(username__in=names)
            .annotate(
                block=FilteredRelation("blocks", condition=Q(blocks__blocked__in=authors)),
                counter_block=FilteredRelation("blocked_by", condition=Q(blocked_by__blocker__in=authors)),
            )
            .values_list("username", "block__blocked", "counter_block__blocker")
        )
        found = {}
        for username, *blocking in rows:
            found.setdefault(username, (self.model(username=username), set()))[1].update(blocking)
        return found

    def with_blocks_of(self, viewer):
        """Add `is_blocked`, whether `viewer` has blocked the person, and `blocks_viewer`, whether they have blocked `viewer`."""
        if not viewer.is_authenticated:
            return self.annotate(is_blocked=Value(False), blocks_viewer=Value(False))
        return self.annotate(
            is_blocked=PersonCondition(BLOCKED_BY_VIEWER, "pk", viewer.pk),
            blocks_viewer=PersonCondition(BLOCKS_VIEWER, "pk", viewer.pk),
        )

    def with_mute_by(self, viewer):
        """Add `is_muted`, whether `viewer` has muted the person, and `muted_until`, or None if that has no end."""
        mutes = self.model.mutes.rel.related_model.objects.filter(muted=OuterRef("pk"), muter=viewer.pk)
        return self.annotate(is_muted=Exists(mutes), muted_until=Subquery(mutes.values("until")))

    def with_followed_by(self, viewer):
        """Add `is_followed`, whether `viewer` follows the person. It is False for a visitor."""
        if not viewer.is_authenticated:
            return self.annotate(is_followed=Value(False))
        return self.annotate(is_followed=PersonCondition(FOLLOWED_BY_VIEWER, "pk", viewer.pk))
