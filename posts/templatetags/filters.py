from django import template
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from accounts.templatetags.times import exact_time
from posts.filters.models import Place
from posts.filters.reading import Filters, filtered_html

register = template.Library()


@register.simple_tag
def filter_summary(filter):
    """Return where a filter applies and until when, as HTML, such as "Home · Explore · Until 5 December 2026, 10:06"."""
    parts = [place.label for place in filter.places]
    if filter.until:
        parts.append(format_html(_("Until {time}"), time=exact_time(filter.until)))
    return mark_safe(" · ".join(format_html("{}", part) for part in parts))  # noqa: S308 (each part is safe)


@register.simple_tag(takes_context=True)
def filtered_notification(context, post):
    """Return the line, as HTML, to which the text of `post` in a notification is folded, or None."""
    phrase = Filters(context["user"], Place.NOTIFICATIONS).match(post)
    return phrase and filtered_html(phrase)
