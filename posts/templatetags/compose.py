from uuid import uuid4

from django import template
from django.template.loader import get_template
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.translation import get_language

from accounts.common.local_cache import LocalCache
from posts import drafts
from posts.forms import PostForm, ReplyForm

register = template.Library()

# The placeholder for the `submission` in the cached fields.
PLACEHOLDER = "00000000-0000-0000-0000-000000000000"
empty_fields = LocalCache(100)


@register.simple_tag(takes_context=True)
def writer_field(context):
    """Return the hidden field that identifies the writer. It depends on the viewer, so it must not be cached."""
    return format_html(
        '<input type="hidden" name="{}" value="{}">', drafts.WRITER, drafts.sign_writer(context["user"])
    )


@register.simple_tag
def empty_compose_fields(button, reply=False):
    """Return the fields of a PostForm or ReplyForm without text and errors. Only the `submission` differs from page to page.

    They are rendered once for each language, form and `button`, the label of the button.
    """
    key = get_language(), button, reply
    html = empty_fields.get(key)
    if html is None:
        form = (ReplyForm if reply else PostForm)(initial={"submission": PLACEHOLDER})
        context = {"form": form, "button": button}
        html = empty_fields.keep(key, get_template("posts/_compose_fields.html").render(context))
    return mark_safe(html.replace(PLACEHOLDER, str(uuid4())))  # noqa: S308 (rendered by a template)
