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


class ListPart(models.Model):
    """Where a numbered part of a long list begins, such as a part of the sitemap: its first primary key, for good.

    So a part keeps its address and its rows, and the last part is found as soon as the first.
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
        """Return the first keys of all parts of the list of that name: those stored, and at most so many more.

        A part begins where the one before has `size` rows of `queryset`.
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
        """Return the first keys of those parts that are stored; of the first part it is always 0."""
        return [0, *cls.objects.filter(list=name).order_by("number").values_list("first_key", flat=True)]

    @classmethod
    def store(cls, name, queryset, size, *, at_most):
        """Store where the next parts begin, at most so many."""
        stored = len(cls.stored_keys(name))
        keys = cls.first_keys(name, queryset, size, at_most=at_most)
        cls.objects.bulk_create(
            [cls(list=name, number=n + 1, first_key=key) for n, key in enumerate(keys) if n >= stored],
            ignore_conflicts=True,
        )
