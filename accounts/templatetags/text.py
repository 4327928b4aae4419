"""Filters for text that people typed."""

import re

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe

from accounts.common.text import fold_blank_lines, is_partly_right_to_left, truncate

register = template.Library()

register.filter("truncate", truncate)

_username = re.compile(r"(?<![\w@/.-])(@[A-Za-z0-9_]{3,40})(?![\w@])", re.ASCII)


@register.filter
def lines(text):
    """Return the text with <br> for line breaks, at most one blank line in a row, and usernames that start with their @.

    In right-to-left text, a browser would otherwise put the @ at the end of the username.
    """
    isolate = _isolate_usernames if is_partly_right_to_left(text) else str
    return format_html_join(
        mark_safe("<br>"), "{}", ((isolate(line),) for line in fold_blank_lines(text).split("\n"))
    )


def _isolate_usernames(line):
    # Every second part is a username.
    parts = enumerate(_username.split(line))
    usernames = (format_html('<bdi dir="ltr">{}</bdi>', part) if at % 2 else part for at, part in parts)
    return format_html_join("", "{}", ((part,) for part in usernames))
