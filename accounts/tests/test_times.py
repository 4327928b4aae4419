"""Times in words, also on days when the clocks change."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf.locale import LANG_INFO
from django.contrib.staticfiles import finders
from django.utils import formats, timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from accounts.templatetags.times import (
    clock,
    date_and_time,
    time_ago,
    time_ago_element,
    time_since,
    time_since_element,
    time_words,
)

BERLIN = ZoneInfo("Europe/Berlin")
FORMATS = (
    "DATE_FORMAT",
    "TIME_FORMAT",
    "DATETIME_FORMAT",
    "YEAR_MONTH_FORMAT",
    "MONTH_DAY_FORMAT",
    "SHORT_DATE_FORMAT",
    "SHORT_DATETIME_FORMAT",
)
YEARS = (datetime(2000, 1, 1), datetime(2037, 1, 1))  # noqa: DTZ001 (hypothesis adds the zone)


@pytest.fixture(autouse=True, scope="module")
def _english():
    """Another test may have changed the language."""
    with translation.override("en"):
        yield


def time_ago_in_berlin(before, now):
    times = (datetime.fromisoformat(time).replace(tzinfo=UTC) for time in (before, now))
    return time_ago(*(time.astimezone(BERLIN) for time in times))


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        # At 01:00 UTC the clocks go forward from 2:00 to 3:00.
        ("2026-03-29T00:59", "2026-03-29T01:01", "2 min"),
        ("2026-03-29T00:30", "2026-03-29T01:29", "59 min"),
        ("2026-03-29T00:30", "2026-03-29T01:30", "1 h"),
        # At 01:00 UTC the clocks go back from 3:00 to 2:00.
        ("2026-10-25T00:30", "2026-10-25T01:30", "1 h"),
        ("2026-10-25T00:59", "2026-10-25T01:01", "2 min"),
        ("2026-10-24T22:30", "2026-10-25T03:30", "5 h"),
        ("2026-10-24T22:30", "2026-10-25T22:30", "24 h"),
        ("2026-10-24T21:30", "2026-10-25T22:30", "yesterday"),
        ("2026-10-25T01:00", "2026-10-25T01:00", "now"),
        ("2026-10-25T01:01", "2026-10-25T01:00", "now"),
    ],
)
def test_times_across_a_clock_change_are_right(before, now, text):
    assert time_ago_in_berlin(before, now) == text


@given(
    now=st.datetimes(*YEARS, timezones=st.just(UTC)),
    minutes=st.integers(1, 59),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
)
def test_less_than_an_hour_ago_is_in_minutes_in_every_zone(now, minutes, zone):
    zone = ZoneInfo(zone)
    before = (now - timedelta(minutes=minutes)).astimezone(zone)

    assert time_ago(before, now.astimezone(zone)) == f"{minutes} min"


def test_a_time_slightly_in_the_future_is_shown_as_a_time_of_day():
    now = datetime(2026, 3, 28, 23, 59, tzinfo=BERLIN)

    assert time_since(now + timedelta(minutes=2), now) == "00:01"


@pytest.mark.parametrize(
    ("site", "viewer", "shown"),
    [
        ("UTC", None, "14:05\xa0UTC"),
        ("UTC", "Europe/Berlin", "15:05"),
        ("Europe/Berlin", None, "15:05\xa0UTC+1"),
        ("Europe/Berlin", "UTC", "14:05"),
        ("Asia/Kathmandu", None, "19:50\xa0UTC+5:45"),
        ("America/St_Johns", None, "10:35\xa0UTC-3:30"),
        ("Asia/Shanghai", None, "22:05\xa0UTC+8"),
    ],
)
def test_the_zone_is_named_unless_the_viewer_has_chosen_one(settings, site, viewer, shown):
    settings.TIME_ZONE = site
    time = datetime(2026, 1, 7, 14, 5, tzinfo=UTC)
    with timezone.override(viewer and ZoneInfo(viewer)):
        assert clock(time) == shown
        local = timezone.localtime(time)
        assert time_since(local, local) == shown
        for element in (time_ago_element(time), time_since_element(time)):
            assert ("\xa0UTC" in element.partition(">")[0]) == ("UTC" in shown)
            assert f'datetime="{local.isoformat(timespec="seconds")}"' in element
        # Days have no zone.
        assert time_since(local - timedelta(days=9), local) == "29 Dec 2025"


def test_every_format_of_a_language_has_one_style():
    time = datetime(2026, 12, 5, 22, 6, tzinfo=UTC)
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert date_and_time(time) == "5 December 2026, 23:06"
    assert date_and_time(time) == "5 December 2026, 22:06\xa0UTC"
    assert [formats.date_format(time, name) for name in FORMATS] == [
        "5 December 2026",
        "22:06",
        "5 December 2026, 22:06",
        "December 2026",
        "5 December",
        "5 Dec 2026",
        "5 Dec 2026, 22:06",
    ]


def test_the_script_knows_every_letter_of_the_formats():
    """In every language that Django has, because any of them may get a catalogue."""
    script = Path(finders.find("accounts/times.js")).read_text()
    known = set(re.findall(r"^      ([a-zA-Z]): ", script, re.MULTILINE)) | set(
        re.findall(r"^      ([aA])[:,]", script, re.MULTILINE)
    )
    unknown = {}
    for language in LANG_INFO:
        with translation.override(language):
            words = json.loads(time_words())
        for name in ("date", "dateOfAnotherYear", "full", "clock"):
            if letters := set(re.findall("[a-zA-Z]", re.sub(r"\\.", "", words[name]))) - known:
                unknown[language, name] = letters
    assert unknown == {}
    assert known >= {"j", "E", "G"}


def test_the_script_for_visitors_has_the_words_of_the_server():
    words = json.loads(time_words())

    assert (words["hours"][3], words["yesterday"], words["days"][2], words["days"][6]) == (
        "3 h",
        "yesterday",
        "2 days",
        "6 days",
    )
    assert len(words["hours"]) == 25
    assert (words["date"], words["dateOfAnotherYear"]) == ("j M", "j M Y")
    assert (words["full"], words["clock"]) == ("j F Y, H:i", "H:i")
    with translation.override("zh-hans"):
        assert json.loads(time_words())["date"] == "n月j日"
