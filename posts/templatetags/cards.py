from django import template
from django.template.loader import get_template
from django.utils import timezone
from django.utils.safestring import mark_safe

from accounts.templatetags.moments import say_when
from posts.cards import render_cards

register = template.Library()


@register.simple_tag(takes_context=True)
def cards(context, posts, line=None):
    """The posts of a page with what depends on the viewer: when each was, seen from now, and, on one's own, what one may do.

    Above the one whose id is `line` stands where the reader was. One tag for them all, as a loop in the template takes as long
    as what is in it.
    """
    now = timezone.localtime()
    user = context.get("user")
    viewer = user.pk if user is not None and not context.get("without_actions") else None
    parts = []
    for post in posts:
        if not hasattr(post, "card"):
            render_cards([post])
        if post.pk == line:
            parts.append(get_template("posts/_line.html").render())
        words = say_when(post.created_on.astimezone(now.tzinfo), now)
        parts.append(post.card.completed(words, actions(post) if post.author_id == viewer else ""))
    return mark_safe("".join(parts))  # noqa: S308 (each is safe)


@register.simple_tag(takes_context=True)
def card(context, post):
    """One post, as `cards` shows it."""
    return cards(context, [post])


def actions(post):
    return get_template("posts/_post_actions.html").render({"post": post})
