from django.db import models


class ScanPosition(models.Model):
    """How far a periodic task has come that looks at all rows of a table, some in each run, again and again."""

    name = models.CharField(max_length=100, primary_key=True)
    position = models.BigIntegerField(default=0)

    def __str__(self):
        return f"{self.name}: {self.position}"

    @classmethod
    def next_keys(cls, name, queryset, count):
        """Return the primary keys of the next `count` rows of `queryset`, and remember them as looked at.

        After the last row it begins again with the first. So every row is looked at once in so many runs as it takes to go
        through the table, and no run takes longer on a larger one.
        """
        place, _created = cls.objects.get_or_create(name=name)
        keys = list(_after(queryset, place.position)[:count])
        if len(keys) < count:
            keys += [key for key in _after(queryset, 0)[: count - len(keys)] if key <= place.position]
        cls.objects.filter(name=name).update(position=keys[-1] if keys else 0)
        return keys


def _after(queryset, position):
    return queryset.filter(pk__gt=position).order_by("pk").values_list("pk", flat=True)
