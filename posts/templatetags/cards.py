from django import template
from django.contrib.auth.models import AnonymousUser
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.utils.translation import get_language

from accounts.common.local_cache import LocalCache
from accounts.moderation.permissions import may_moderate
from accounts.templatetags.times import time_ago
from posts.conversations.replied_to import load_replied_to, replied_to_html
from posts.filters.reading import Filters, filtered_html
from posts.reactions import load_states
from posts.rendering.cards import render_cards

register = template.Library()

# What a card offers is rendered once for each language, kind of post and state, with these in the place of the post's id, the
# form's token, the page to return to, the number of replies and the author's name.
PLACEHOLDER = 999_999_999_999_999_999
TOKEN, NEXT, REPLIES = "\x01", "\x02", "\x03"
USERNAME = "the_author_of_the_post"
menus = LocalCache(200)


@register.simple_tag(takes_context=True)
def cards(context, posts, divider=None):
    """Return the cards of a page's posts. Each shows the post's age and, to members, what they can do with it.

    The divider goes above the post with the id `divider`. `filtered_in` in the context is the Place whose filters apply. A single tag renders all cards because a loop in the template would
    double the time, and because it finds what the replies on the page reply to at once. If the posts' states aren't loaded, this
    takes another query.
    """
    now = timezone.localtime()
    user = context.get("user") or AnonymousUser()
    viewer = user if user.pk and not context.get("without_actions") else None
    if viewer:
        load_states([post for post in posts if not hasattr(post, "state")], viewer)
    load_replied_to([post for post in posts if not hasattr(post, "replied_to")], user)
    moderates = viewer is not None and may_moderate(user)
    filters = Filters(user, context["filtered_in"]) if viewer and context.get("filtered_in") else None
    parts, filled = [], {}
    for post in posts:
        if not hasattr(post, "card"):
            render_cards([post])
        if post.pk == divider:
            parts.append(get_template("posts/_divider.html").render())
        time = time_ago(post.created_on.astimezone(now.tzinfo), now)
        replied_to = replied_to_html(
            post, with_excerpt=not context.get("in_thread") and not quotes(post, filters)
        )
        can_do = actions(context, post, viewer, moderates, filled) if viewer else ""
        html = post.card.fill_in(time, replied_to, can_do)
        phrase = filters.match(post) if filters else None
        parts.append(fold(html, phrase) if phrase else html)
    return mark_safe("".join(parts))  # noqa: S308 (each part is safe)


def quotes(post, filters):
    """Return whether the first words of the post to which `post` replies would show what the viewer has filtered."""
    replied_to = getattr(post, "replied_to", None)
    return bool(filters and replied_to and filters.match(replied_to))


def fold(card, phrase):
    """Return a card that is folded to one line, because a filter with this phrase matches."""
    return get_template("posts/_filtered.html").render({"line": filtered_html(phrase), "post": card})


@register.simple_tag(takes_context=True)
def card(context, post):
    """Return the card of one post, in the same form as `cards`."""
    return cards(context, [post])


@register.simple_tag(takes_context=True)
def reactions(context, post):
    """Return the form with the buttons to like and bookmark a post whose state is loaded. `next` is the page to return to."""
    return mark_safe(fill_in(context, post, "posts/_reactions.html"))  # noqa: S308 (the template is safe)


def actions(context, post, viewer, moderates=False, filled=None):
    """Return the row with all that `viewer`, a member, can do with a post. A hidden post only has the menu.

    `moderates` says whether they may moderate. `filled` is a dict in which the cards of a page share what they have in common.
    """
    others = "moderated other" if moderates else "other"
    kind = others if post.author_id != viewer.pk else "editable" if post.is_editable else "own"
    kind = f"hidden {kind}" if post.hidden_on else kind
    return fill_in(context, post, "posts/_post_actions.html", kind, filled)


def fill_in(context, post, template_name, kind="", filled=None):
    """Return the HTML of a template in `menus`, completed for a post and the page of `context`."""
    state, filled = post.state, {} if filled is None else filled
    shown = template_name, kind, state.liked, state.bookmarked, bool(state.reply_count)
    if shown not in filled:
        filled[shown] = fill_in_page(context, shown, state)
    html = filled[shown].replace(REPLIES, state.replies).replace(str(PLACEHOLDER), str(post.pk))
    return html.replace(USERNAME, post.author.username)


def fill_in_page(context, shown, state):
    """Return the HTML of a template in `menus`, completed for the page of `context`."""
    template_name, kind, *_rest = shown
    key = get_language(), get_script_prefix(), shown
    html = menus.get(key)
    if html is None:
        values = {
            "kind": kind,
            "pk": PLACEHOLDER,
            "username": USERNAME,
            "state": state,
            "token": TOKEN,
            "next": NEXT,
            "replies": REPLIES,
        }
        html = menus.keep(key, get_template(template_name).render(values))
    request = context.get("request")
    url = context.get("next") or (request.get_full_path() if request else "")
    return html.replace(TOKEN, str(context.get("csrf_token", ""))).replace(NEXT, escape(url))
