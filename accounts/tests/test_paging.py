import pytest
from django.http import Http404, QueryDict
from hypothesis import given
from hypothesis import strategies as st

from accounts.common.cursors import MAX_POSITION, Cursor, paginate


def fetch_from_list(positions):
    def fetch(before, after, limit):
        if after is not None:
            nearest = sorted(p for p in positions if p > after)[:limit]
            return nearest[::-1]
        return sorted((p for p in positions if before is None or p < before), reverse=True)[:limit]

    return fetch


def page_at(positions, size=3, settled=None, **cursor):
    return paginate(fetch_from_list(positions), Cursor(**cursor), size, lambda p: p, settled)


@given(st.sets(st.integers(1, 60)), st.integers(1, 7))
def test_paging_to_the_oldest_and_back_shows_every_row_once(positions, size):
    page = page_at(positions, size)
    older = list(page)
    assert page.newer is None
    while page.older is not None:
        assert len(page) == size
        page = page_at(positions, size, before=page.older)
        older += page
    assert older == sorted(positions, reverse=True)

    newer = list(page)
    while page.newer is not None:
        page = page_at(positions, size, after=page.newer)
        newer = list(page) + newer
        assert len(page) == size or page.newer is None
    assert newer == older


def test_a_cursor_of_a_deleted_row_still_works():
    assert list(page_at({1, 2, 4, 5}, before=3)) == [2, 1]
    assert list(page_at({1, 2, 4, 5}, after=3)) == [5, 4]


def test_a_page_beyond_either_end_has_a_link_back():
    assert page_at({5, 6}, before=3) == page_at(set(), before=3)
    assert list(page_at({5, 6}, after=page_at({5, 6}, before=3).newer)) == [6, 5]
    assert list(page_at({5, 6}, before=page_at({5, 6}, after=9).older)) == [6, 5]
    assert page_at({5}, before=0).newer == 0
    assert page_at({5}, after=MAX_POSITION).older == MAX_POSITION


def test_no_cursor_for_newer_rows_is_where_rows_can_still_appear():
    assert page_at({1, 2, 3, 4, 5}, before=5, settled=lambda row: 3).newer == 3
    assert page_at({1, 2, 3, 4, 5}, after=0, size=2, settled=lambda row: 1).newer == 1
    assert page_at({1, 2, 3, 4, 5}, before=3, settled=lambda row: 4).newer == 2


def read(query):
    return Cursor.from_query(QueryDict(query))


def test_cursors_are_read_from_the_query():
    assert read("") == read("before=") == read("before=&after=") == Cursor()
    assert read("before=7&after=9") == Cursor(before=7)
    assert read("before=&after=9") == Cursor(after=9)
    assert read(f"after={MAX_POSITION}") == Cursor(after=MAX_POSITION)


@pytest.mark.parametrize(
    "nonsense", ["x", "-1", "1.5", "+1", " 1", "1e3", "٣", "²", "0x1", str(MAX_POSITION + 1), "9" * 5000]
)
def test_an_invalid_position_is_not_found(nonsense):
    query = QueryDict(mutable=True)
    query["before"] = nonsense
    with pytest.raises(Http404):
        Cursor.from_query(query)
