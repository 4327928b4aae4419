"""Paging by cursor. A cursor is a position in the order of a list, not a row or a row count.

New rows never shift a page, and a deleted row never breaks a link. `?before=` leads to the older rows that follow a
position in the list, and `?after=` to the nearest newer rows.
"""

from dataclasses import dataclass
from operator import attrgetter

from django.http import Http404

MAX_POSITION = 2**63 - 1
# The default number of rows on a page of a list.
PAGE_SIZE = 20


@dataclass(frozen=True)
class Cursor:
    """Where a page starts. At most one of the positions is set. The first page has none."""

    before: int | None = None
    after: int | None = None

    @classmethod
    def from_query(cls, query, max_position=MAX_POSITION):
        """Read a cursor from the query string, where `before` takes precedence. Raises Http404 for an invalid position."""
        if text := query.get("before"):
            return cls(before=read_position(text, max_position))
        if text := query.get("after"):
            return cls(after=read_position(text, max_position))
        return cls()


def read_position(text, max_position=MAX_POSITION):
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(max_position))
    if not digits or int(text) > max_position:
        raise Http404("That isn't a position in a list.")
    return int(text)


@dataclass(frozen=True)
class Page:
    """Rows in the order of the list, and the cursor positions of the next pages, or None where the list ends.

    When the page was read, no new rows could appear below the position `settled`. It is None if that position is unknown.
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

    `fetch(before=, after=, limit=)` returns rows in the order of the list: from its start, or those next to the given
    position. `position(row)` is a number that decreases along the list. `settled(row)`, if given, returns the position below
    which no new rows could appear when the row was read. Links to newer rows never start above it, so they don't skip any rows.
    """
    rows = list(fetch(before=cursor.before, after=cursor.after, limit=size + 1))
    more = len(rows) > size
    to_newer = cursor.after is not None
    items = (rows[-size:] if to_newer else rows[:size]) if more else rows
    # Without rows, the next pages start at the cursor itself.
    first = position(items[0]) if items else max((cursor.before or 0) - 1, 0)
    last = position(items[-1]) if items else min((cursor.after or 0) + 1, MAX_POSITION)
    if settled is not None:
        settled = settled(items[0]) if items else 0
    newer = older = None
    if cursor.before is not None or (to_newer and more):
        newer = first if settled is None else min(first, settled)
    if to_newer or more:
        older = last
    return Page(items, newer, older, settled)


def fetch_from(queryset, field="position"):
    """Return the `fetch` argument of `paginate` for a queryset in descending order of `field`."""

    def fetch(before, after, limit):
        if after is None:
            rows = queryset if before is None else queryset.filter(**{f"{field}__lt": before})
            return rows[:limit]
        nearest = queryset.filter(**{f"{field}__gt": after}).order_by(field)[:limit]
        return list(nearest)[::-1]

    return fetch
