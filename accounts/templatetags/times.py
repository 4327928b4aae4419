"""Times in words, relative to now and in the time zone of the viewer.

A visitor's time zone is unknown, as is that of a member who hasn't chosen one. So times of day in the site's own zone name it:
"14:05 UTC". For visitors with JavaScript, times.js then shows them in the zone of the browser.
"""

import json
from datetime import UTC, timedelta
from functools import lru_cache, wraps

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag(name="time_ago")
def time_ago_element(time, text=None):
    """Return a <time> element with `text`, or by default with how long ago `time` was. Its title is the full date and time."""
    local = timezone.localtime(time)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        full_time(local),
        text or time_ago(local, timezone.localtime()),
    )


@register.simple_tag
def exact_time(time):
    """Return a <time> element with the full date and time."""
    local = timezone.localtime(time)
    return format_html(
        '<time datetime="{}" data-full>{}</time>', local.isoformat(timespec="seconds"), full_time(local)
    )


@register.simple_tag(name="time_since_element")
def time_since_element(time):
    """Return a <time> element with a text that fits after "since" or "until". Its title is the full date and time."""
    local = timezone.localtime(time)
    return format_html(
        '<time datetime="{}" title="{}" data-since>{}</time>',
        local.isoformat(timespec="seconds"),
        full_time(local),
        time_since(local, timezone.localtime()),
    )


@register.filter
def clock(time):
    """Return the time of day, such as "14:05", or "14:05 UTC" if the viewer's time zone is unknown."""
    local = timezone.localtime(time)
    return _with_zone(formats.date_format(local, "TIME_FORMAT"), local)


@register.filter
def date_and_time(time):
    """Return the full date and time, such as "5 December 2026, 10:06", with the zone if the viewer's is unknown."""
    return full_time(timezone.localtime(time))


@register.simple_tag
def time_words():
    """Return the words and formats that times.js needs, as JSON. The number of hours or days is the position in a list."""
    return json.dumps(
        {
            "hours": [_hours(count) for count in range(25)],
            "yesterday": _("yesterday"),
            # The dates of the last two days have other words.
            "days": [None, None, *(_days(count) for count in range(2, 7))],
            "date": _date_format(True),
            "dateOfAnotherYear": _date_format(False),
            "full": formats.get_format("DATETIME_FORMAT"),
            "clock": formats.get_format("TIME_FORMAT"),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def full_time(local):
    """Return the date and time of day of `local`, which is in the time zone of the viewer, with the zone if that is unknown."""
    return _with_zone(formats.date_format(local, "DATETIME_FORMAT"), local)


def _with_zone(text, local):
    """Return `text`, a time of day, followed by the name of the zone if `local` is in the site's own zone."""
    if str(local.tzinfo) != str(timezone.get_default_timezone()):
        return text
    minutes = int(local.utcoffset() / timedelta(minutes=1))
    hours, minutes = divmod(abs(minutes), 60)
    # Abbreviations such as CST are ambiguous.
    offset = f"{'-' if local.utcoffset() < timedelta(0) else '+'}{hours}" if hours or minutes else ""
    return f"{text}\xa0UTC{offset}{f':{minutes:02}' if minutes else ''}"


@register.simple_tag(name="time_since")
def time_since_now(time):
    """Return the time in words that fit after "since", without an element."""
    return time_since(timezone.localtime(time), timezone.localtime())


def time_since(time, now):
    """Return `time` in words that fit after "since": a time today, a day within the last week, or a date.

    Both arguments are in the time zone of the viewer.
    """
    days = (now.date() - time.date()).days
    if days <= 0:
        return _with_zone(formats.date_format(time, "TIME_FORMAT"), time)
    if days == 1:
        return _("yesterday")
    if days < 7:
        return formats.date_format(time, "l")
    return _date(time.date(), time.year == now.year)


def time_ago(time, now):
    """Return in words how long ago `time` was, or its date if it was a week ago or more.

    Both arguments are in the time zone of the viewer.
    """
    # Python subtracts two times in the same zone as wall-clock times, which is wrong across a clock change.
    age = now.astimezone(UTC) - time.astimezone(UTC)
    if age < timedelta(minutes=1):
        return _("now")
    if age < timedelta(hours=1):
        return _minutes(age // timedelta(minutes=1))
    days = (now.date() - time.date()).days
    if days == 0 or age < timedelta(hours=6):
        return _hours(age // timedelta(hours=1))
    if days == 1:
        return _("yesterday")
    if days < 7:
        return _days(days)
    return _date(time.date(), time.year == now.year)


def cached_by_language(function):
    """Cache the translated results of `function`. Without the cache, they take as long as the rest of a post in a list."""
    cached = lru_cache(maxsize=1000)(lambda language, *args: function(*args))

    @wraps(function)
    def wrapper(*args):
        return cached(get_language(), *args)

    return wrapper


@cached_by_language
def _minutes(count):
    return ngettext("%d min", "%d min", count) % count


@cached_by_language
def _hours(count):
    return ngettext("%d h", "%d h", count) % count


@cached_by_language
def _days(count):
    return ngettext("%d day", "%d days", count) % count


@cached_by_language
def _date(day, of_this_year):
    return formats.date_format(day, _date_format(of_this_year))


def _date_format(of_this_year):
    # These are format characters of Django's date filter. Translations put them in the usual order for the language.
    if of_this_year:
        return pgettext("date of this year", "j M")
    return pgettext("date of another year", "j M Y")
