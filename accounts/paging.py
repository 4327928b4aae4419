"""Pages cut by a cursor: a position in an order, not a row and not a number of rows.

New rows never shift such a page, and a row that is gone never breaks a link. `?before=` leads to what comes after
a position in the list (older), `?after=` to the nearest things before it (newer).
"""

from dataclasses import dataclass
from operator import attrgetter

from django.http import Http404

MAX_POSITION = 2**63 - 1


@dataclass(frozen=True)
class Cursor:
    """Where a page begins. Of both positions at most one is set; of neither, it is the first page."""

    before: int | None = None
    after: int | None = None

    @classmethod
    def from_query(cls, query, max_position=MAX_POSITION):
        """Read a cursor from the query string; `before` wins. Raises Http404 for what is no position."""
        if text := query.get("before"):
            return cls(before=read_position(text, max_position))
        if text := query.get("after"):
            return cls(after=read_position(text, max_position))
        return cls()


def read_position(text, max_position):
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(max_position))
    if not digits or int(text) > max_position:
        raise Http404("That is no position in a list.")
    return int(text)


@dataclass(frozen=True)
class Page:
    """Rows in the order of the list, and the positions from which it goes on, or None where it ends.

    Below `settled`, if known, the list did not change any more when it was read.
    """

    items: list
    newer: int | None
    older: int | None
    settled: int | None = None

    def __iter__(self):
        return iter(self.items)

    def __len__(self):
        return len(self.items)


def paginate(fetch, cursor, size, position=attrgetter("position"), settled=None):
    """Return the Page of at most `size` rows at `cursor`.

    `fetch(before=, after=, limit=)` returns rows in the order of the list: from its start, or those next to the
    given position. `position(row)` is where a row stands, as a number that falls along the list. `settled(row)`, if
    given, is the position up to which the list no longer changed when the row was read: no cursor for walking forward lies
    beyond it.
    """
    rows = list(fetch(before=cursor.before, after=cursor.after, limit=size + 1))
    more = len(rows) > size
    walking_forward = cursor.after is not None
    items = (rows[-size:] if walking_forward else rows[:size]) if more else rows
    # Next to nothing, the list goes on from the cursor itself.
    first = position(items[0]) if items else max((cursor.before or 0) - 1, 0)
    last = position(items[-1]) if items else min((cursor.after or 0) + 1, MAX_POSITION)
    if settled is not None:
        settled = settled(items[0]) if items else 0
    newer = older = None
    if cursor.before is not None or (walking_forward and more):
        newer = first if settled is None else min(first, settled)
    if walking_forward or more:
        older = last
    return Page(items, newer, older, settled)


def fetch_from(queryset, field="position"):
    """Return the `fetch` for `paginate` of a queryset ordered by falling `field`."""

    def fetch(before, after, limit):
        if after is None:
            rows = queryset if before is None else queryset.filter(**{f"{field}__lt": before})
            return rows[:limit]
        nearest = queryset.filter(**{f"{field}__gt": after}).order_by(field)[:limit]
        return list(nearest)[::-1]

    return fetch
