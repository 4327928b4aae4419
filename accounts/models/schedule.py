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
            cls.objects.get_or_create(name=name)
            taken = cls.objects.filter(name=name, period__lt=period).update(period=period)
            if taken:
                act()
        return bool(taken)
