from datetime import timedelta

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

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
    if days == 0:
        return formats.date_format(moment, "H:i")
    if days == 1:
        return _("yesterday")
    if days < 7:
        return formats.date_format(moment, "l")
    return _short_date(moment, now)


def _short_date(moment, now):
    # The letters are those of Django's date filter; a translation writes them in its language's order.
    if moment.year == now.year:
        return formats.date_format(moment, pgettext("date of this year", "j M"))
    return formats.date_format(moment, pgettext("date of another year", "j M Y"))


def say_when(moment, now):
    """Return in words when `moment` was, seen from `now`: relative to a week, then a date."""
    ago = now - moment
    if ago < timedelta(minutes=1):
        return _("now")
    if ago < timedelta(hours=1):
        minutes = ago // timedelta(minutes=1)
        return ngettext("%d min", "%d min", minutes) % minutes
    days = (now.date() - moment.date()).days
    if days == 0 or ago < timedelta(hours=6):
        hours = ago // timedelta(hours=1)
        return ngettext("%d h", "%d h", hours) % hours
    if days == 1:
        return _("yesterday")
    if days < 7:
        return ngettext("%d day", "%d days", days) % days
    return _short_date(moment, now)
