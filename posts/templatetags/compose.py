from django import template
from django.utils.html import format_html

from posts import drafts

register = template.Library()


@register.simple_tag(takes_context=True)
def writer_field(context):
    """The hidden field that says whose form this is. Keep it out of cached parts of a page: it is the viewer's own."""
    return format_html(
        '<input type="hidden" name="{}" value="{}">', drafts.WRITER, drafts.sign_writer(context["user"])
    )
