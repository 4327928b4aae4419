from django import template
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.notifications.page import new_group_text

register = template.Library()


@register.simple_tag(takes_context=True)
def new_notifications(context):
    """Return how many groups of notifications are new to the member, as a text, or "". It takes one query if none are."""
    request, user = context.get("request"), context.get("user")
    if request is None or user is None or not user.is_authenticated:
        return ""
    if not hasattr(request, "new_notifications"):
        request.new_notifications = new_group_text(user)
    return request.new_notifications


@register.filter
def people_of(group):
    """Return the people of a group as HTML, such as "Ada, Bob and 12 others", with links to those it names."""
    names = [
        format_html('<a href="{}"><bdi>{}</bdi></a>', person.get_absolute_url(), person.name)
        for person in group.named
    ]
    others = group.unnamed_count
    if others:
        count = f"{others}+" if group.has_more_people else str(others)
        text = ngettext("{first}, {second} and {count} other", "{first}, {second} and {count} others", others)
        return format_html(text, first=names[0], second=names[1], count=count)
    if len(names) == 2:
        return format_html(_("{first} and {second}"), first=names[0], second=names[1])
    return format_html_join("", "{}", ((name,) for name in names))
