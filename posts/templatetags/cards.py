from django import template
from django.template.loader import get_template
from django.utils import timezone

from accounts.templatetags.moments import say_when
from posts.cards import render_cards

register = template.Library()


@register.simple_tag(takes_context=True)
def card(context, post):
    """A post with what depends on the viewer: when it was, seen from now, and, on one's own, what one may do."""
    if not hasattr(post, "card"):
        render_cards([post])
    now = moment_of_rendering(context)
    words = say_when(post.created_on.astimezone(now.tzinfo), now)
    return post.card.completed(words, actions(context, post))


def moment_of_rendering(context):
    """One now for the whole page."""
    if "now_of_cards" not in context.render_context:
        context.render_context["now_of_cards"] = timezone.localtime()
    return context.render_context["now_of_cards"]


def actions(context, post):
    user = context.get("user")
    if user is None or post.author_id != user.pk or context.get("without_actions"):
        return ""
    return get_template("posts/_post_actions.html").render({"post": post})
