from django import template
from django.contrib.auth.models import AnonymousUser
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import get_language

from accounts.common.local_cache import LocalCache
from accounts.templatetags.times import time_ago
from posts.conversations.replied_to import load_replied_to, replied_to_html
from posts.rendering.cards import render_cards

register = template.Library()

# The menus are rendered once for each language and kind of post, with this in the place of the post's id.
PLACEHOLDER = 999_999_999_999_999_999
menus = LocalCache(100)


@register.simple_tag(takes_context=True)
def cards(context, posts, divider=None):
    """Return the cards of a page's posts. Each shows the post's age and, to members, a menu: edit and delete, or report.

    The divider goes above the post with the id `divider`. A single tag renders all cards because a loop in the template would
    double the time, and because it finds what the replies on the page reply to at once.
    """
    now = timezone.localtime()
    user = context.get("user") or AnonymousUser()
    viewer = user.pk if not context.get("without_actions") else None
    load_replied_to([post for post in posts if not hasattr(post, "replied_to")], user)
    parts = []
    for post in posts:
        if not hasattr(post, "card"):
            render_cards([post])
        if post.pk == divider:
            parts.append(get_template("posts/_divider.html").render())
        time = time_ago(post.created_on.astimezone(now.tzinfo), now)
        replied_to = replied_to_html(post, with_excerpt=not context.get("in_thread"))
        parts.append(post.card.fill_in(time, replied_to, actions(post, viewer) if viewer else ""))
    return mark_safe("".join(parts))  # noqa: S308 (each part is safe)


@register.simple_tag(takes_context=True)
def card(context, post):
    """Return the card of one post, in the same form as `cards`."""
    return cards(context, [post])


def actions(post, viewer):
    """Return the menu of a post for the member with the primary key `viewer`."""
    kind = "other" if post.author_id != viewer else "editable" if post.is_editable else "own"
    key = get_language(), get_script_prefix(), kind
    html = menus.get(key)
    if html is None:
        context = {"kind": kind, "pk": PLACEHOLDER}
        html = menus.keep(key, get_template("posts/_post_actions.html").render(context))
    return html.replace(str(PLACEHOLDER), str(post.pk))
