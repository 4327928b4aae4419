"""When things were, in words, on days when the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from accounts.templatetags.moments import say_since, say_when

BERLIN = ZoneInfo("Europe/Berlin")
YEARS = (datetime(2000, 1, 1), datetime(2037, 1, 1))  # noqa: DTZ001 (hypothesis adds the zone)


@pytest.fixture(autouse=True, scope="module")
def _english():
    """Another test may have left its language behind."""
    with translation.override("en"):
        yield


def said(before, now, zone=BERLIN):
    moments = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (before, now))
    return say_when(*(moment.astimezone(zone) for moment in moments))


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        # At 01:00 UTC the clocks go from 2 to 3.
        ("2026-03-29T00:59", "2026-03-29T01:01", "2 min"),
        ("2026-03-29T00:30", "2026-03-29T01:29", "59 min"),
        ("2026-03-29T00:30", "2026-03-29T01:30", "1 h"),
        # At 01:00 UTC they go back from 3 to 2.
        ("2026-10-25T00:30", "2026-10-25T01:30", "1 h"),
        ("2026-10-25T00:59", "2026-10-25T01:01", "2 min"),
        ("2026-10-24T22:30", "2026-10-25T03:30", "5 h"),
        ("2026-10-24T22:30", "2026-10-25T22:30", "24 h"),
        ("2026-10-24T21:30", "2026-10-25T22:30", "yesterday"),
        ("2026-10-25T01:00", "2026-10-25T01:00", "now"),
        ("2026-10-25T01:01", "2026-10-25T01:00", "now"),
    ],
)
def test_across_a_clock_change_in_berlin(before, now, words):
    assert said(before, now) == words


@given(
    now=st.datetimes(*YEARS, timezones=st.just(UTC)),
    minutes=st.integers(1, 59),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
)
def test_less_than_an_hour_is_minutes_in_any_zone(now, minutes, zone):
    zone = ZoneInfo(zone)
    before = (now - timedelta(minutes=minutes)).astimezone(zone)

    assert say_when(before, now.astimezone(zone)) == f"{minutes} min"


def test_since_a_moment_that_has_not_come_by_this_clock_is_a_time():
    now = datetime(2026, 3, 28, 23, 59, tzinfo=BERLIN)

    assert say_since(now + timedelta(minutes=2), now) == "00:01"
