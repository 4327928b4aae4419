from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import number_format
from django.utils.translation import pgettext

register = template.Library()


@register.filter
def readable(number):
    """Format a count for the current language, such as "12,345", or "1.2 万" in Chinese."""
    size, _space, name = pgettext(
        "large numbers: size and name of the unit, such as 10000 万", "0"
    ).partition(" ")
    if not name or number < int(size):
        return intcomma(number)
    tenths = number * 10 // int(size)
    return f"{number_format(tenths / 10, 1 if tenths % 10 else 0)}\xa0{name}"
