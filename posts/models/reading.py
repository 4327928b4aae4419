from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# Who comes back later than this begins a new visit: the line moves to where they had got.
VISIT = timedelta(minutes=30)
# Who reloads the first page of a busy timeline over and over causes no more writes than one in this time.
PAUSE = timedelta(seconds=10)


class ReadMark(models.Model):
    """How far a member has read their home timeline: one row for each reader, whatever they read.

    All up to `position` has been shown. Above it one more stretch may have been, over `bottom` and up to `top`, to a
    reader who began at the newest post and reads down; once it reaches `position`, all of it is read.
    """

    reader = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="read_mark",
        verbose_name=_("reader"),
    )
    position = models.BigIntegerField(_("read up to"))
    line = models.BigIntegerField(_("read up to before this visit"))
    bottom = models.BigIntegerField(default=0)
    top = models.BigIntegerField(default=0)
    read_on = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("read mark")
        verbose_name_plural = _("read marks")

    def __str__(self):
        return f"{self.reader_id}: {self.position}"

    @property
    def line_now(self):
        """Where the line stands on a page that is shown now."""
        return self.position if self._visit_is_over() else self.line

    def _visit_is_over(self):
        return timezone.now() - self.read_on >= VISIT

    @classmethod
    def begin(cls, reader, position):
        """Store the first mark of `reader`, unless another request has meanwhile."""
        cls.objects.bulk_create([cls(reader=reader, position=position, line=position)], ignore_conflicts=True)

    def note(self, low, high, *, spare=False):
        """Store that all over `low` and up to `high` has been shown, if that says anything new.

        With `spare` a mark that is but seconds old may stay behind: the same page will be seen again.
        """
        stored = self._state_now()
        self.extend(low, high)
        now = timezone.now()
        if self._state_now() == stored or (spare and now - self.read_on < PAUSE):
            return
        line = stored["position"] if self._visit_is_over() else self.line
        # Of two pages that load at once the later one changes nothing: what it showed will be met again.
        unchanged = ReadMark.objects.filter(pk=self.pk, **stored)
        unchanged.update(line=line, read_on=now, **self._state_now())

    def extend(self, low, high):
        """Take in, without storing it, that all over `low` and up to `high` has been shown."""
        if self.top and low <= self.top and high >= self.bottom:
            low, high = min(low, self.bottom), max(high, self.top)
        if low <= self.position:
            self.position = max(self.position, high)
        elif high >= self.bottom:
            self.bottom, self.top = low, high
        if self.top <= self.position:
            self.bottom = self.top = 0

    def _state_now(self):
        return {"position": self.position, "bottom": self.bottom, "top": self.top}
