from datetime import timedelta

from django.db import models, transaction


class Turn(models.Model):
    """The last period in which something regular was enqueued. One row for each regular thing."""

    name = models.CharField(max_length=100, primary_key=True)
    period = models.BigIntegerField(default=-1)

    def __str__(self):
        return f"{self.name}: {self.period}"

    @classmethod
    def take(cls, name, period, act):
        """Call `act()` in the transaction that takes the turn of `period`, unless that or a later one was taken.

        Returns whether it was taken now. However many try at once, one does.
        """
        with transaction.atomic():
            # Any period is later than that of a new row, also before 2020 by a clock that is wrong.
            cls.objects.get_or_create(name=name, defaults={"period": period - 1})
            taken = cls.objects.filter(name=name, period__lt=period).update(period=period)
            if taken:
                act()
        return bool(taken)

    @classmethod
    def set_back(cls, name, mistaken, period):
        """Take `period` as the last one, unless the row says something else than `mistaken` by now."""
        cls.objects.filter(name=name, period=mistaken).update(period=period)


class ClockReading(models.Model):
    """The time at which rows were last deleted for their age, by this machine's clock. One row.

    A clock that is years ahead for a moment, as machines without a battery are after a start, must not delete everything. It is
    trusted once it has gone on from there.
    """

    # A site may be off over a weekend.
    LONGEST_GAP = timedelta(days=3)
    # Less than a day, so that the next daily run is trusted.
    PROBATION = timedelta(hours=12)

    read_on = models.DateTimeField()
    trusted_from = models.DateTimeField()

    def __str__(self):
        return f"{self.read_on}"

    @property
    def is_trusted(self):
        return self.read_on >= self.trusted_from

    @classmethod
    def take(cls, now, *, trust=False):
        """Store and return the reading `now`. With `trust` it is trusted whatever was stored before."""
        with transaction.atomic():
            last = cls.objects.select_for_update().first()
            reading = cls(pk=1, read_on=now, trusted_from=now)
            if last is not None:
                if now - last.read_on > cls.LONGEST_GAP:
                    reading.trusted_from = now + cls.PROBATION
                elif now >= last.read_on:
                    reading.trusted_from = last.trusted_from
                # Else the clock went back, and nothing looks older than it is.
            if trust:
                reading.trusted_from = now
            reading.save()
        return reading
