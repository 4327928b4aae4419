"""What people typed, on a page."""

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from accounts.text import fold_blank_lines, truncate

register = template.Library()

register.filter("truncate", truncate)


@register.filter
def lines(text):
    """The text with its line breaks; of blank lines in a row one is left."""
    return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in fold_blank_lines(text).split("\n")))
