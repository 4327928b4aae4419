from functools import reduce
from operator import or_

from django.contrib import admin, messages
from django.contrib.admin import EmptyFieldListFilter
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import Q
from django.db.models.constants import LOOKUP_SEP
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

# Nobody pages through this many rows, and counting all of them would take longer as the site grows.
MAX_COUNT = 10_000


class BoundedPaginator(Paginator):
    """Counts and pages through only the first rows of a long list. Other rows can be found by searching."""

    @cached_property
    def count(self):
        return min(self._counted, MAX_COUNT)

    @property
    def has_more(self):
        """Whether there are more rows than the maximum."""
        return self._counted > MAX_COUNT

    @cached_property
    def _counted(self):
        return self.object_list.order_by()[: MAX_COUNT + 1].count()


class SetFilter(EmptyFieldListFilter):
    """Filters by whether a date is set, with a condition that lets databases use partial indexes."""

    def queryset(self, request, queryset):
        if self.lookup_val not in ("0", "1"):
            return super().queryset(request, queryset)
        return queryset.filter(**{f"{self.field_path}__isnull": self.lookup_val == "1"})


class LongListMixin:
    """A mixin for long lists. An action changes at most as many rows as the list counts."""

    paginator = BoundedPaginator
    show_full_result_count = False

    def response_action(self, request, queryset):
        if request.POST.get("select_across") == "1" and queryset[MAX_COUNT : MAX_COUNT + 1]:
            message = _("That's too many to change at once. Search to narrow the list.")
            self.message_user(request, message, messages.ERROR)
            return None
        return super().response_action(request, queryset)


class VisibleLookupsMixin:
    """Allows URLs of a list to filter only by fields that this person can see.

    Otherwise `?email__startswith=a` would reveal a hidden field letter by letter.
    """

    def lookup_allowed(self, lookup, value, request):
        name = lookup.partition(LOOKUP_SEP)[0]
        return name in self.visible_names(request) and super().lookup_allowed(lookup, value, request)

    def visible_names(self, request):
        """Return the set of the names of the fields in the list, in its filters and on the page of a row."""
        filters = map(_filter_name, self.get_list_filter(request))
        return {*self.get_list_display(request), *filters, *flatten_fieldsets(self.get_fieldsets(request))}


def _filter_name(list_filter):
    """Return the field name with which the URL parameter of a filter starts."""
    if isinstance(list_filter, tuple):
        list_filter = list_filter[0]
    return getattr(list_filter, "parameter_name", list_filter).partition(LOOKUP_SEP)[0]


class ReadOnlyAdmin(LongListMixin, VisibleLookupsMixin, admin.ModelAdmin):
    """Shows rows read-only. Changes must go through code that sends events, and the admin would send none."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class SearchByMemberMixin:
    """A mixin for lists of rows that refer to members. The rows can be searched by a full username."""

    # The names of foreign keys to members.
    members = ()
    # Without search fields, Django shows no search box.
    search_fields = ["pk"]
    search_help_text = _("Enter a full username, such as @ada.")

    def get_search_results(self, request, queryset, search_term):
        name = search_term.strip().removeprefix("@").lower().replace("\0", "")
        if not name:
            return queryset, False
        people = get_user_model().objects.filter(username=name)
        return queryset.filter(
            reduce(or_, (Q(**{f"{member}__in": people}) for member in self.members))
        ), False
