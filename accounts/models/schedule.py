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
