from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce


class ToldState(models.Model):
    """How an account could be entered when its owner was last told: what differs now is yet to be told.

    allauth changes first and signals afterwards, and commands and the admin do not signal at all. So the truth is
    compared with this row, at once where there is a signal, and by the worker's sweep for the rest.
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

    def __str__(self):
        return f"{self.user_id}: {self.changes}"

    @classmethod
    def now_of(cls, user):
        """Return, unsaved, the state in which the account of `user` is."""
        return cls(user=user, password=user.password, email=user.email or "", factors=factors_of(user))

    @classmethod
    def remember(cls, user):
        """Take as told the state of `user` as it is stored, if there is no row yet."""
        cls.objects.bulk_create(
            [cls.now_of(stored) for stored in cls._without_row().filter(pk=user.pk)],
            ignore_conflicts=True,
        )

    @classmethod
    def remember_missing(cls, limit):
        """Take as told the state of accounts that came in bulk and have no row yet. Returns how many, at most `limit`."""
        missing = list(cls._without_row()[:limit])
        cls.objects.bulk_create([cls.now_of(user) for user in missing], ignore_conflicts=True)
        return len(missing)

    @classmethod
    def _without_row(cls):
        return cls._meta.get_field("user").related_model.objects.filter(told_state=None)

    @classmethod
    def different(cls, limit):
        """The primary keys of at most `limit` users whose state is another than the one told."""
        rows = cls.objects.annotate(now=Coalesce("user__email", models.Value("")))
        changed = rows.exclude(password=models.F("user__password"), email=models.F("now"))
        found = list(changed.values_list("pk", flat=True)[:limit])
        return found + [pk for pk in _other_factors() if pk not in found][: limit - len(found)]


def factors_of(user):
    """The second factors of `user` as ToldState keeps them."""
    return _joined(Authenticator.objects.filter(user=user).values_list("type", "pk"))


def _other_factors():
    """Yield the users whose second factors differ from those told. Few have any, so they are compared here."""
    now = {}
    for user, kind, pk in Authenticator.objects.values_list("user", "type", "pk"):
        now.setdefault(user, []).append((kind, pk))
    told = dict(ToldState.objects.exclude(factors="").values_list("pk", "factors"))
    for user in now.keys() | told.keys():
        if _joined(now.get(user, [])) != told.get(user, ""):
            yield user


def _joined(factors):
    return " ".join(sorted(f"{kind}:{pk}" for kind, pk in factors))
