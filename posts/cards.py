"""A post as it is shown, its card: rendered once, kept in the cache, and completed for each viewer.

The cached part holds nothing that depends on the viewer or on the hour. Its key is made of everything that it shows, so
that a change of any of that finds no card and makes a new one: nothing has to be thrown away, and each process may remember
what it has used. Only mentions depend on what the post does not hold, on other members: a card with some is kept for a
minute, not beyond the next block or suspension, and by the cache alone.
"""

import secrets
from functools import lru_cache
from hashlib import blake2s
from pathlib import Path
from typing import NamedTuple

from django.apps import apps
from django.core.cache import cache
from django.db import transaction
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language

from posts.breaker import Breaker, Unavailable
from posts.rendering import render_contents

TEMPLATE = "posts/_card.html"
KEPT_FOR = 24 * 3600
KEPT_FOR_WITH_MENTIONS = 60
# Changes whenever mentions anywhere may have to be links no more, or again.
MENTIONS = "cards:mentions"
# Where the cache says under which MENTIONS a card was made: it mentions nobody, and is never out of date.
LASTING = ""

# Where the parts for the viewer go: before and after the text. Texts have no such characters, they are taken out; did one
# have them, they would stand between the two and move nothing.
MOMENT, ACTIONS = SafeString("\x01"), SafeString("\x02")

breaker = Breaker()

# Cards that this process has used, by their keys, 2 to 3 kB with these; at so many it begins anew. Asking a cache for twenty takes
# longer than all else about them.
REMEMBERED = 2_000
remembered = {}


class Card(NamedTuple):
    """Safe HTML around what depends on the viewer: the words for when it was, and what they may do."""

    before_moment: str
    before_actions: str
    end: str

    @classmethod
    def of(cls, html):
        before_moment, _moment, rest = html.partition(MOMENT)
        before_actions, _actions, end = rest.rpartition(ACTIONS)
        return cls(before_moment, before_actions, end)

    def completed(self, words, actions):
        """Return the whole card; both parts must be safe."""
        return mark_safe(f"{self.before_moment}{words}{self.before_actions}{actions}{self.end}")  # noqa: S308


def shown(post):
    """Everything that a card shows of its post; whatever is added to the template belongs here, too."""
    author = post.author
    return (
        post.pk,
        post.content,
        post.created_on,
        post.edited_on,
        author.username,
        author.display_name,
        author.picture,
    )


def render_cards(posts):
    """Set `card` on each of `posts`: the one remembered, or from the cache in one round trip, or rendered.

    Returns the posts as a list. Those to be rendered cost one query together, if they mention anybody.
    """
    posts = list(posts)
    circumstances = what_all_cards_depend_on()
    for post in posts:
        post.card_key = key_of(post, circumstances)
        post.card = remembered.get(post.card_key)
    if missing := [post for post in posts if post.card is None]:
        missing, mentions = take_from_cache(missing)
        render_and_keep(missing, mentions)
    return posts


def take_from_cache(posts):
    """Set `card` on those whose card is in the cache. Returns the others, and the MENTIONS of now."""
    names = [cached_as(post) for post in posts]
    found = ask_cache("get_many", [MENTIONS, *names]) or {}
    mentions, missing = found.get(MENTIONS), []
    for post, name in zip(posts, names, strict=True):
        parts, since = found.get(name, (None, None))
        if parts is None or since not in (LASTING, mentions):
            missing.append(post)
        else:
            post.card = Card(*parts)
            if since == LASTING:
                remember(post)
    return missing, mentions


def render_and_keep(posts, mentions):
    lasting, passing = {}, {}
    for post in render_contents(posts):
        post.card = Card.of(render_card(post))
        if "@" in post.content:
            passing[cached_as(post)] = tuple(post.card), mentions
        else:
            lasting[cached_as(post)] = tuple(post.card), LASTING
            remember(post)
    for cards, timeout in ((lasting, KEPT_FOR), (passing, KEPT_FOR_WITH_MENTIONS)):
        if cards:
            ask_cache("set_many", cards, timeout)


def remember(post):
    if len(remembered) >= REMEMBERED:
        remembered.clear()
    remembered[post.card_key] = post.card


def render_card(post):
    """Return the cached part of a post whose `content_html` is set, with marks where the viewer's parts go."""
    context = {"post": post, "moment_here": MOMENT, "actions_here": ACTIONS}
    return get_template(TEMPLATE).render(context)


def what_all_cards_depend_on():
    return get_language(), get_current_timezone_name(), get_script_prefix(), code_state()


def key_of(post, circumstances):
    return circumstances, *shown(post)


def cached_as(post):
    """The name in the cache of the card with the post's key."""
    return f"card:{blake2s(repr(post.card_key).encode(), digest_size=16).hexdigest()}"


@lru_cache
def code_state():
    """Another after an update that may change cards: a cache outlives it."""
    folders = [Path(apps.get_app_config(label).path) for label in ("accounts", "posts")]
    return state_of(get_template(TEMPLATE).template.source, *folders)


def state_of(source, *folders):
    """A digest of a template's source and of all code in some folders, without tests."""
    digest = blake2s(source.encode(), digest_size=8)
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            if "tests" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def forget_mentions(**kwargs):
    """A receiver of what may change who may mention whom: cards with mentions are rendered anew."""
    transaction.on_commit(lambda: ask_cache("set", MENTIONS, secrets.token_hex(8), None))


def ask_cache(method, *args):
    """Return what the cache answers, or None while it is away: cards are then rendered each time."""
    try:
        return breaker.call(getattr(cache, method), *args)
    except Unavailable:
        return None
