from django import template
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import get_language

from accounts.common.local_cache import LocalCache
from accounts.moderation.permissions import may_moderate
from accounts.templatetags.times import time_ago
from posts.rendering.cards import render_cards

register = template.Library()

# The menus are rendered once for each language and kind of post, with these in the place of the post's id and its author's name.
PLACEHOLDER = 999_999_999_999_999_999
USERNAME = "the_author_of_the_post"
menus = LocalCache(100)


@register.simple_tag(takes_context=True)
def cards(context, posts, divider=None):
    """Return the cards of a page's posts. Each shows the post's age and, to members, a menu: edit and delete, or report.

    The divider goes above the post with the id `divider`. A single tag renders all cards because a loop in the template would
    double the time.
    """
    now = timezone.localtime()
    user = context.get("user")
    viewer = user.pk if user is not None and not context.get("without_actions") else None
    moderates = viewer is not None and may_moderate(user)
    parts = []
    for post in posts:
        if not hasattr(post, "card"):
            render_cards([post])
        if post.pk == divider:
            parts.append(get_template("posts/_divider.html").render())
        time = time_ago(post.created_on.astimezone(now.tzinfo), now)
        parts.append(post.card.fill_in(time, actions(post, viewer, moderates) if viewer else ""))
    return mark_safe("".join(parts))  # noqa: S308 (each part is safe)


@register.simple_tag(takes_context=True)
def card(context, post):
    """Return the card of one post, in the same form as `cards`."""
    return cards(context, [post])


def actions(post, viewer, moderates=False):
    """Return the menu of a post for the member with the primary key `viewer`. `moderates` says whether they may moderate."""
    others = "moderated" if moderates else "other"
    kind = others if post.author_id != viewer else "editable" if post.is_editable else "own"
    key = get_language(), get_script_prefix(), kind
    html = menus.get(key)
    if html is None:
        context = {"kind": kind, "pk": PLACEHOLDER, "username": USERNAME}
        html = menus.keep(key, get_template("posts/_post_actions.html").render(context))
    html = html.replace(str(PLACEHOLDER), str(post.pk))
    return html.replace(USERNAME, post.author.username) if kind == "moderated" else html
