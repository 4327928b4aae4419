from django.db import models


class ScanPosition(models.Model):
    """The position of a periodic task that repeatedly scans all rows of a table, a few rows in each run."""

    name = models.CharField(max_length=100, primary_key=True)
    position = models.BigIntegerField(default=0)

    def __str__(self):
        return f"{self.name}: {self.position}"

    @classmethod
    def next_keys(cls, name, queryset, count):
        """Return a list of the primary keys of the next `count` rows of `queryset`, and move the position past them.

        After the last row, it starts again with the first, so every row is visited. A run doesn't take longer on a larger table.
        """
        scan, _created = cls.objects.get_or_create(name=name)
        keys = list(_after(queryset, scan.position)[:count])
        if len(keys) < count:
            keys += [key for key in _after(queryset, 0)[: count - len(keys)] if key <= scan.position]
        cls.objects.filter(name=name).update(position=keys[-1] if keys else 0)
        return keys


def _after(queryset, position):
    return queryset.filter(pk__gt=position).order_by("pk").values_list("pk", flat=True)


class ListPart(models.Model):
    """The first primary key of a numbered part of a long list, such as the sitemap. It never changes.

    This means that a part keeps its URL and its rows, and that the last part is found as quickly as the first.
    """

    list = models.CharField(max_length=40)
    number = models.PositiveIntegerField()
    first_key = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["list", "number"], name="list_part_unique")]

    def __str__(self):
        return f"{self.list} {self.number} from {self.first_key}"

    @classmethod
    def first_keys(cls, name, queryset, size, *, at_most):
        """Return a list of the first keys of all parts of a list: the stored ones and up to `at_most` more.

        A new part starts after `size` rows of `queryset` in the part before it.
        """
        keys = cls.stored_keys(name)
        for _part in range(at_most):
            beyond = queryset.filter(pk__gte=keys[-1]).order_by("pk").values_list("pk", flat=True)
            key = next(iter(beyond[size : size + 1]), None)
            if key is None:
                break
            keys.append(key)
        return keys

    @classmethod
    def stored_keys(cls, name):
        """Return a list of the first keys of the stored parts. The key of the first part is always 0."""
        return [0, *cls.objects.filter(list=name).order_by("number").values_list("first_key", flat=True)]

    @classmethod
    def store(cls, name, queryset, size, *, at_most):
        """Store the first keys of up to `at_most` new parts."""
        stored = len(cls.stored_keys(name))
        keys = cls.first_keys(name, queryset, size, at_most=at_most)
        cls.objects.bulk_create(
            [cls(list=name, number=n + 1, first_key=key) for n, key in enumerate(keys) if n >= stored],
            ignore_conflicts=True,
        )
