from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# If a reader comes back after this time, a new visit starts, and the divider moves to the point where they stopped reading.
VISIT_ENDS_AFTER = timedelta(minutes=30)
# Reloading the first page of a busy timeline causes at most one write within this time.
WRITE_INTERVAL = timedelta(seconds=10)


class ReadMarker(models.Model):
    """How far a member has read their home timeline. There is only one row for each reader.

    The reader has seen every post up to `position`. A reader who starts at the newest post and scrolls down has also seen a
    newer range: the posts above `ahead_low`, up to `ahead_high`. When this range reaches `position`, it is merged. Both bounds
    are 0 if there is no such range.
    """

    reader = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="read_marker",
        verbose_name=_("reader"),
    )
    position = models.BigIntegerField(_("read up to"))
    divider = models.BigIntegerField(_("read up to before this visit"))
    ahead_low = models.BigIntegerField(default=0)
    ahead_high = models.BigIntegerField(default=0)
    read_on = models.DateTimeField(_("time"), default=timezone.now)

    class Meta:
        verbose_name = _("read marker")
        verbose_name_plural = _("read markers")

    def __str__(self):
        return f"{self.reader_id}: {self.position}"

    @property
    def current_divider(self):
        """Return the position of the divider on a page that is shown now."""
        return self.position if self._visit_is_over() else self.divider

    def _visit_is_over(self):
        return timezone.now() - self.read_on >= VISIT_ENDS_AFTER

    @classmethod
    def start(cls, reader, position):
        """Store the first marker of `reader`, unless another request has done so in the meantime."""
        marker = cls(reader=reader, position=position, divider=position)
        cls.objects.bulk_create([marker], ignore_conflicts=True)

    def record(self, low, high, *, limit_rate=False):
        """Store that the reader has seen all posts above `low`, up to `high`, unless this is already stored.

        With `limit_rate`, nothing is written within WRITE_INTERVAL of the last write. A later view of the page will store it.
        """
        stored = self._stretches()
        self.add(low, high)
        now = timezone.now()
        if self._stretches() == stored or (limit_rate and now - self.read_on < WRITE_INTERVAL):
            return
        divider = stored["position"] if self._visit_is_over() else self.divider
        # If two pages load at once, only one is stored. The posts on the other page stay unread and are shown again.
        unchanged = ReadMarker.objects.filter(pk=self.pk, **stored)
        unchanged.update(divider=divider, read_on=now, **self._stretches())

    def add(self, low, high):
        """Mark the posts above `low`, up to `high`, as read, without saving the marker."""
        if self.ahead_high and low <= self.ahead_high and high >= self.ahead_low:
            low, high = min(low, self.ahead_low), max(high, self.ahead_high)
        if low <= self.position:
            self.position = max(self.position, high)
        elif high >= self.ahead_low:
            self.ahead_low, self.ahead_high = low, high
        if self.ahead_high <= self.position:
            self.ahead_low = self.ahead_high = 0

    def _stretches(self):
        return {"position": self.position, "ahead_low": self.ahead_low, "ahead_high": self.ahead_high}
