from datetime import UTC, timedelta
from functools import lru_cache, wraps

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag
def moment(when, words=None):
    """A <time> that reads as people say it, or with other `words`, with the full moment as its title."""
    local = timezone.localtime(when)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        formats.date_format(local, "DATETIME_FORMAT"),
        words or say_when(local, timezone.localtime()),
    )


@register.simple_tag
def since(when):
    """The moment as it is said after the word "since"."""
    return say_since(timezone.localtime(when), timezone.localtime())


def say_since(moment, now):
    """Return in words since when, seen from `now`: a time of today, a day of this week, then a date."""
    days = (now.date() - moment.date()).days
    if days <= 0:
        return formats.date_format(moment, "H:i")
    if days == 1:
        return _("yesterday")
    if days < 7:
        return formats.date_format(moment, "l")
    return _date(moment.date(), moment.year == now.year)


def say_when(moment, now):
    """Return in words when `moment` was, seen from `now`: relative to a week, then a date."""
    # Two times in one zone are subtracted by what the clock says, which a clock change falsifies.
    ago = now.astimezone(UTC) - moment.astimezone(UTC)
    if ago < timedelta(minutes=1):
        return _("now")
    if ago < timedelta(hours=1):
        return _minutes(ago // timedelta(minutes=1))
    days = (now.date() - moment.date()).days
    if days == 0 or ago < timedelta(hours=6):
        return _hours(ago // timedelta(hours=1))
    if days == 1:
        return _("yesterday")
    if days < 7:
        return _days(days)
    return _date(moment.date(), moment.year == now.year)


def said_before(say):
    """Let `say` find its words once for each language: on a page of posts that takes as long as all else about a post."""
    words = lru_cache(maxsize=1000)(lambda language, *args: say(*args))

    @wraps(say)
    def said(*args):
        return words(get_language(), *args)

    return said


@said_before
def _minutes(count):
    return ngettext("%d min", "%d min", count) % count


@said_before
def _hours(count):
    return ngettext("%d h", "%d h", count) % count


@said_before
def _days(count):
    return ngettext("%d day", "%d days", count) % count


@said_before
def _date(day, of_this_year):
    # The letters are those of Django's date filter; a translation writes them in its language's order.
    if of_this_year:
        return formats.date_format(day, pgettext("date of this year", "j M"))
    return formats.date_format(day, pgettext("date of another year", "j M Y"))
