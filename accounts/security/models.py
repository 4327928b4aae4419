from datetime import timedelta

from django.conf import settings
from django.db import connections, models, router, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.common.installed import HAS_MFA

if HAS_MFA:
    from allauth.mfa.models import Authenticator

# The page that makes a change notifies the owner and says where the request came from. `reconcile` waits this long for it.
RECONCILE_DELAY = timedelta(minutes=1)


class AccountSnapshot(models.Model):
    """The password, email and authenticators that the owner of an account knows about.

    Where the account differs from its snapshot, the owner has yet to be notified. allauth makes a change first and sends
    a signal afterwards; commands and the admin send none. Therefore, changes are found by comparison: right after a signal, and
    otherwise by `snapshots.reconcile`. It compares marked accounts soon after they change, and all others in turn.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="account_snapshot"
    )
    password = models.CharField(max_length=128)
    email = models.EmailField(blank=True)
    # The types and primary keys of authenticators, such as "totp:3 webauthn:7".
    authenticators = models.TextField(blank=True)
    # The number of changes that the owner was notified of. Part of the key of each email.
    version = models.PositiveIntegerField(default=0)
    # When code marked the account because it was about to change. Only `reconcile` removes the mark.
    marked_on = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                "marked_on", name="account_snapshot_marked", condition=models.Q(marked_on__isnull=False)
            ),
        ]

    def __str__(self):
        return f"{self.user_id}: {self.version}"

    @classmethod
    def from_user(cls, user, authenticators=None):
        """Return an unsaved snapshot of `user`. Authenticators are read from the database unless they are given."""
        if authenticators is None:
            authenticators = _authenticators_by_user([user.pk]).get(user.pk, "")
        return cls(user=user, password=user.password, email=user.email or "", authenticators=authenticators)

    @classmethod
    def create_missing(cls, user_pks):
        """Store a snapshot of those accounts that were created in bulk and have none yet."""
        known = cls.objects.filter(pk__in=user_pks).values("pk")
        missing = cls._users().filter(pk__in=user_pks).exclude(pk__in=known)
        if not missing.exists():
            return
        with transaction.atomic():
            # The lock keeps users from leaving, or from changing a password, before their snapshot is stored.
            cls.objects.bulk_create(cls._current(missing.in_locking_order()), ignore_conflicts=True)

    @classmethod
    def accept_changes(cls, user_pks):
        """Update the snapshots of these accounts without notifying anyone."""
        current = cls._current(cls._users().filter(pk__in=user_pks))
        cls.objects.bulk_update(current, ["password", "email", "authenticators"], batch_size=100)

    @classmethod
    def mark(cls, user_pk):
        """Mark an account that is about to change, so that `reconcile` compares it. Returns whether it has a snapshot."""
        return bool(cls.objects.filter(pk=user_pk).update(marked_on=timezone.now()))

    @classmethod
    def due(cls, now, limit):
        """Return a list of the primary keys of at most `limit` users who were marked long enough ago, oldest mark first."""
        marked = cls.objects.filter(marked_on__lte=now - RECONCILE_DELAY).order_by("marked_on")
        return list(marked.values_list("pk", flat=True)[:limit])

    @classmethod
    def unmark(cls, user_pks, now):
        """Remove the marks with which `due()` found these users at `now`, but no newer ones."""
        cls.objects.filter(pk__in=user_pks, marked_on__lte=now - RECONCILE_DELAY).update(marked_on=None)

    @classmethod
    def outdated(cls, user_pks):
        """Return the set of these users who have changes that they weren't notified of."""
        rows = cls.objects.filter(pk__in=user_pks).annotate(now=Coalesce("user__email", models.Value("")))
        changed = rows.exclude(password=models.F("user__password"), email=models.F("now"))
        current = _authenticators_by_user(user_pks)
        stored = cls.objects.filter(pk__in=user_pks).values_list("pk", "authenticators")
        return {
            *changed.values_list("pk", flat=True),
            *(user for user, authenticators in stored if current.get(user, "") != authenticators),
        }

    @classmethod
    def _users(cls):
        return cls._meta.get_field("user").related_model.objects

    @classmethod
    def _current(cls, users):
        """Return unsaved snapshots of `users`, a queryset."""
        users = list(users)
        authenticators = _authenticators_by_user([user.pk for user in users])
        return [cls.from_user(user, authenticators.get(user.pk, "")) for user in users]


def _authenticators_by_user(user_pks):
    """Return a dict from each of these users who has authenticators to the text that AccountSnapshot stores."""
    if not HAS_MFA:
        return {}
    found = {}
    rows = Authenticator.objects.filter(user__in=user_pks).values_list("user", "type", "pk")
    for user, authenticator_type, pk in rows:
        found.setdefault(user, []).append(f"{authenticator_type}:{pk}")
    return {user: " ".join(sorted(authenticators)) for user, authenticators in found.items()}


class RateLimitCounter(models.Model):
    """How often something was done in the current window. Only code in `accounts.security` writes it."""

    # A hash of the action and its subject, so that nobody can read addresses or usernames here.
    key = models.CharField(max_length=32, primary_key=True)
    count = models.PositiveIntegerField()
    ends_on = models.DateTimeField(db_index=True)

    def __str__(self):
        return f"{self.key}: {self.count}"

    @classmethod
    def increment(cls, key, window):
        """Add one to the counter `key` and return the new count. `window` is a timedelta, and starts with the first count.

        This is one statement, so concurrent transactions count one after the other. If a window ends later than one that
        starts now, the clock was ahead when it started, and it is shortened.
        """
        connection = connections[router.db_for_write(cls)]
        start = timezone.now()
        now, ends_on = map(connection.ops.adapt_datetimefield_value, (start, start + window))
        table = connection.ops.quote_name(cls._meta.db_table)
        # No part of the statement comes from a request.
        sql = f"""
            INSERT INTO {table} AS c (key, count, ends_on) VALUES (%s, 1, %s)
            ON CONFLICT (key) DO UPDATE SET
                count = CASE WHEN c.ends_on <= %s THEN 1 ELSE c.count + 1 END,
                ends_on = CASE WHEN c.ends_on > %s AND c.ends_on < excluded.ends_on THEN c.ends_on ELSE excluded.ends_on END
            RETURNING count
        """  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, [key, ends_on, now, now])
            return cursor.fetchone()[0]

    @classmethod
    def decrement(cls, key):
        """Subtract one unless the window has ended."""
        cls.objects.filter(key=key, count__gt=0, ends_on__gt=timezone.now()).update(
            count=models.F("count") - 1
        )

    @classmethod
    def count_now(cls, key):
        """Return the count in the current window, or 0 without a window."""
        return (
            cls.objects.filter(key=key, ends_on__gt=timezone.now()).values_list("count", flat=True).first()
            or 0
        )

    @classmethod
    def remaining(cls, key):
        """Return how long until the current window of `key` ends, a timedelta of at least a second."""
        now = timezone.now()
        ends_on = cls.objects.filter(key=key).values_list("ends_on", flat=True).first() or now
        return max(ends_on - now, timedelta(seconds=1))
