from django.contrib.admin import EmptyFieldListFilter
from django.core.paginator import Paginator
from django.utils.functional import cached_property

# Nobody turns so many pages; counting more would take longer on a larger site.
COUNTED = 10_000


class BoundedPaginator(Paginator):
    """Counts, and leads to, the first rows of a list only, however many there are. Searching leads to the others."""

    @cached_property
    def count(self):
        return min(self._counted, COUNTED)

    @property
    def has_more(self):
        """Whether there are more rows than are counted."""
        return self._counted > COUNTED

    @cached_property
    def _counted(self):
        return self.object_list.order_by()[: COUNTED + 1].count()


class SetFilter(EmptyFieldListFilter):
    """Whether a date is set, in words that databases know partial indexes by."""

    def queryset(self, request, queryset):
        if self.lookup_val not in ("0", "1"):
            return super().queryset(request, queryset)
        return queryset.filter(**{f"{self.field_path}__isnull": self.lookup_val == "1"})
