from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.common.fields import FreeTextField
from posts.filters.matching import is_word, letters_in, normalize

# How many filters a member can have.
LIMIT = 100
MAX_CHARACTERS = 100
# A key can be longer than the phrase, because some characters stand for several. PostgreSQL can't index very long ones.
MAX_KEY_LENGTH = 400


class Place(models.TextChoices):
    """Where a filter applies."""

    HOME = "home", gettext_lazy("Home")
    EXPLORE = "explore", gettext_lazy("Explore")
    NOTIFICATIONS = "notifications", gettext_lazy("Notifications")


class TooManyFilters(Exception):
    """The member has as many filters as allowed."""


def key_of(phrase):
    """Return the normalized form of a phrase. Raises ValidationError if it isn't a filter that makes sense."""
    key = normalize(phrase)
    letters = letters_in(key)
    if not letters:
        raise ValidationError(_("Use letters, digits or emoji."))
    if letters == 1 and not is_word(key):
        raise ValidationError(_("One letter would match too much. Use at least two."))
    if len(key) > MAX_KEY_LENGTH:
        raise ValidationError(
            _("This text is too long, or has too many combining marks or joined emoji. Shorten it.")
        )
    return key


class FilterQuerySet(models.QuerySet):
    def of(self, member):
        return self.filter(member=member.pk)

    def active(self, now):
        """Return the filters that haven't ended at the datetime `now`."""
        return self.filter(models.Q(until=None) | models.Q(until__gt=now))

    def ended(self, now):
        """Return the filters that ended before the datetime `now`."""
        return self.filter(until__lte=now)


class Filter(models.Model):
    """A word, phrase or hashtag. Posts of others that contain it are folded to one line, in the places that the member chose.

    Two phrases with the same `key` are the same filter. A task deletes rows whose time is over; reading ignores them at once.
    """

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,
        related_name="filters",
        verbose_name=gettext_lazy("member"),
    )
    phrase = FreeTextField(gettext_lazy("Word, phrase or hashtag"), characters=MAX_CHARACTERS, one_line=True)
    key = models.CharField(max_length=MAX_KEY_LENGTH, editable=False)
    in_home = models.BooleanField()
    in_explore = models.BooleanField()
    in_notifications = models.BooleanField()
    created_on = models.DateTimeField(default=timezone.now, editable=False)
    # Null if the filter lasts until it is removed.
    until = models.DateTimeField(null=True, blank=True)

    objects = FilterQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("filter")
        verbose_name_plural = gettext_lazy("filters")
        constraints = [
            models.UniqueConstraint(fields=["member", "key"], name="filter_unique"),
            models.CheckConstraint(
                name="filter_somewhere",
                condition=models.Q(in_home=True)
                | models.Q(in_explore=True)
                | models.Q(in_notifications=True),
            ),
        ]
        indexes = [
            # For the task that ends filters.
            models.Index(fields=["until"], name="filter_until", condition=models.Q(until__isnull=False)),
        ]

    def __str__(self):
        return self.phrase

    @property
    def places(self):
        """The places where the filter applies, as a list."""
        return [place for place in Place if getattr(self, f"in_{place}")]

    @places.setter
    def places(self, places):
        for place in Place:
            setattr(self, f"in_{place}", place in places)

    def store(self):
        """Store this filter, which replaces another one with the same key.

        Raises ValidationError for a phrase that doesn't make sense, TooManyFilters, and AccountGone if the member has left.
        """
        self.key = key_of(self.phrase)
        with transaction.atomic():
            self.member.lock(visible=True)
            stored = Filter.objects.of(self.member)
            stored.ended(timezone.now()).exclude(pk=self.pk).delete()
            same = stored.filter(key=self.key).exclude(pk=self.pk).first()
            if same and self.pk:
                same.delete()
            elif same:
                self.pk, self.created_on, self._state.adding = same.pk, same.created_on, False
            elif not stored.filter(pk=self.pk).exists() and stored.count() >= LIMIT:
                raise TooManyFilters
            self.save()


class StoredFilters(models.Func):
    """The filters of the member in a column, as JSON: a list of [phrase, in home, in Explore, in notifications, until].

    `until` is in seconds since 1970. This way they come with the member of a request, without a query of their own.
    """

    output_field = models.TextField()
    template = (
        "(SELECT %(list)s(%(item)s(f.phrase, f.in_home, f.in_explore, f.in_notifications, %(until)s))%(cast)s"
        " FROM posts_filter f WHERE f.member_id = %(expressions)s)"
    )

    def as_postgresql(self, compiler, connection, **context):
        return super().as_sql(
            compiler,
            connection,
            list="json_agg",
            item="json_build_array",
            until="extract(epoch FROM f.until)::bigint",
            cast="::text",
            **context,
        )

    def as_sqlite(self, compiler, connection, **context):
        return super().as_sql(
            compiler,
            connection,
            list="json_group_array",
            item="json_array",
            # The percent sign is doubled because the statement has parameters.
            until="CAST(strftime('%%s', f.until) AS integer)",
            cast="",
            **context,
        )
