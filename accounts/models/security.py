from datetime import timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

# Who makes a change tells of it at once, and better than the sweep: from where it came.
SETTLING = timedelta(minutes=1)


class ToldState(models.Model):
    """How an account could be entered when its owner was last told: what differs now is yet to be told.

    allauth changes first and signals afterwards, and commands and the admin do not signal at all. So the truth is
    compared with this row, at once where there is a signal, and by the worker's sweep for the rest. The sweep looks at what was
    marked before it changed, and at all others by and by.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="told_state"
    )
    password = models.CharField(max_length=128)
    email = models.EmailField(blank=True)
    # The second factors, such as "totp:3 webauthn:7": their kinds and primary keys.
    factors = models.TextField(blank=True)
    # Counts the changes told; it makes the key of each mail.
    changes = models.PositiveIntegerField(default=0)
    # Since when the sweep should look at the account. Only the sweep takes the mark away.
    due_on = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index("due_on", name="told_state_due", condition=models.Q(due_on__isnull=False)),
        ]

    def __str__(self):
        return f"{self.user_id}: {self.changes}"

    @classmethod
    def now_of(cls, user, factors=None):
        """Return, unsaved, the state in which the account of `user` is. Their `factors` are looked up if not given."""
        factors = factors_of(user) if factors is None else factors
        return cls(user=user, password=user.password, email=user.email or "", factors=factors)

    @classmethod
    def remember(cls, user):
        """Take as told the state of `user` as it is stored, if there is no row yet."""
        cls.remember_missing([user.pk])

    @classmethod
    def remember_missing(cls, user_pks):
        """Take as told the state of those of these accounts that came in bulk and have no row yet."""
        known = cls.objects.filter(pk__in=user_pks).values("pk")
        missing = cls._users().filter(pk__in=user_pks).exclude(pk__in=known)
        if not missing.exists():
            return
        with transaction.atomic():
            # Locked, so that nobody leaves or gets another password before the row is there.
            users = list(missing.in_locking_order())
            factors = _factors_by_user([user.pk for user in users])
            cls.objects.bulk_create(
                [cls.now_of(user, factors.get(user.pk, "")) for user in users], ignore_conflicts=True
            )

    @classmethod
    def take_as_told(cls, user_pks):
        """Take the state of these accounts as told, without telling anybody."""
        factors = _factors_by_user(user_pks)
        told = [cls.now_of(user, factors.get(user.pk, "")) for user in cls._users().filter(pk__in=user_pks)]
        cls.objects.bulk_update(told, ["password", "email", "factors"], batch_size=100)

    @classmethod
    def mark(cls, user_pk):
        """Have the sweep look at an account that is about to change, should nobody tell of the change before."""
        cls.objects.filter(pk=user_pk).update(due_on=timezone.now())

    @classmethod
    def mark_if_changed(cls, user):
        """The same if the password or email that `user` has been saved with differs from the one told."""
        told = models.Q(password=user.password, email=user.email or "")
        cls.objects.filter(pk=user.pk).exclude(told).update(due_on=timezone.now())

    @classmethod
    def due(cls, now, limit):
        """Return the primary keys of at most `limit` users who were marked longer than SETTLING before `now`."""
        marked = cls.objects.filter(due_on__lte=now - SETTLING).order_by("due_on")
        return list(marked.values_list("pk", flat=True)[:limit])

    @classmethod
    def unmark(cls, user_pks, now):
        """Take away the marks with which `due()` returned these users, but none that was made since."""
        cls.objects.filter(pk__in=user_pks, due_on__lte=now - SETTLING).update(due_on=None)

    @classmethod
    def different(cls, user_pks):
        """The primary keys of those of these users whose state is another than the one told."""
        rows = cls.objects.filter(pk__in=user_pks).annotate(now=Coalesce("user__email", models.Value("")))
        changed = rows.exclude(password=models.F("user__password"), email=models.F("now"))
        return {*changed.values_list("pk", flat=True), *_with_other_factors(user_pks)}

    @classmethod
    def _users(cls):
        return cls._meta.get_field("user").related_model.objects


def factors_of(user):
    """The second factors of `user` as ToldState keeps them."""
    return _joined(Authenticator.objects.filter(user=user).values_list("type", "pk"))


def _with_other_factors(user_pks):
    """Yield those of these users whose second factors differ from those told."""
    now = _factors_by_user(user_pks)
    for user, told in ToldState.objects.filter(pk__in=user_pks).values_list("pk", "factors"):
        if now.get(user, "") != told:
            yield user


def _factors_by_user(user_pks):
    """Map those of these users who have second factors to these."""
    found = {}
    for user, kind, pk in Authenticator.objects.filter(user__in=user_pks).values_list("user", "type", "pk"):
        found.setdefault(user, []).append((kind, pk))
    return {user: _joined(factors) for user, factors in found.items()}


def _joined(factors):
    return " ".join(sorted(f"{kind}:{pk}" for kind, pk in factors))
