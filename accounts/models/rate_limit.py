from datetime import timedelta

from django.db import connections, models, router
from django.utils import timezone


class RateLimitCounter(models.Model):
    """How often something was done since its current window began. Written by accounts.rate_limits only."""

    # A hash of the action and of who is counted: addresses and usernames must not be readable here.
    key = models.CharField(max_length=32, primary_key=True)
    count = models.PositiveIntegerField()
    ends_on = models.DateTimeField(db_index=True)

    def __str__(self):
        return f"{self.key}: {self.count}"

    @classmethod
    def increment(cls, key, window):
        """Add one to the counter `key` and return its new count. The first one begins a window, a timedelta, of its own.

        One statement, so that concurrent transactions count one after the other. A window never ends later than one that begins
        now: if it would, the clock was ahead when it began.
        """
        connection = connections[router.db_for_write(cls)]
        now, ends_on = (
            connection.ops.adapt_datetimefield_value(moment)
            for moment in (timezone.now(), timezone.now() + window)
        )
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
        """Take one back, if the window has not ended."""
        cls.objects.filter(key=key, count__gt=0, ends_on__gt=timezone.now()).update(
            count=models.F("count") - 1
        )

    @classmethod
    def count_now(cls, key):
        """The count in the current window; 0 if none has begun."""
        return (
            cls.objects.filter(key=key, ends_on__gt=timezone.now()).values_list("count", flat=True).first()
            or 0
        )

    @classmethod
    def remaining(cls, key):
        """The timedelta until the current window of `key` ends; at least a second."""
        now = timezone.now()
        ends_on = cls.objects.filter(key=key).values_list("ends_on", flat=True).first() or now
        return max(ends_on - now, timedelta(seconds=1))
