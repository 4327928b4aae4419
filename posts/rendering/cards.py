"""Cards: posts as HTML, rendered once and completed for each viewer.

A rendered card contains nothing that depends on the viewer or the current time. Its key consists of everything that it shows,
so any change results in a new key, and old cards never have to be deleted. Each process keeps cards in memory. If the
processes share a cache, they also share cards there.

Links in mentions depend on other members. So the key of a card with an "@" also contains a version, which changes with each
block and suspension. It contains the current minute too, because processes without a shared cache have separate versions.
Cards with an "@" aren't stored in the shared cache.
"""

import secrets
import time
from functools import cache as cached_forever
from hashlib import blake2s
from pathlib import Path
from typing import NamedTuple

from django.apps import apps
from django.core.cache import cache, caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import transaction
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import get_current_timezone_name, get_default_timezone_name
from django.utils.translation import get_language

from accounts.common.local_cache import LocalCache
from posts.circuit_breaker import CircuitBreaker, Unavailable
from posts.rendering.text import render_contents

TEMPLATE = "posts/_card.html"
# How many seconds a shared cache keeps cards.
SHARED_FOR = 24 * 3600
# The cache key for the version of mentions.
MENTIONS_VERSION = "cards:mentions"

# The placeholders for the parts that differ between viewers, before and after the text. A text can't contain these characters.
# If it did, they would be between the last two placeholders and do no harm.
TIME, REPLIED_TO, ACTIONS = SafeString("\x01"), SafeString("\x03"), SafeString("\x02")

breaker = CircuitBreaker()

# Each card takes 2 to 3 kB, including its key.
local_cache = LocalCache(2_000)
# Cards with mentions get new keys every minute. They must not evict other cards.
mention_cache = LocalCache(200)


class Card(NamedTuple):
    """The safe HTML around the placeholders: the age of the post, to whom it replies, and the viewer's actions."""

    before_time: str
    before_replied_to: str
    before_actions: str
    end: str

    @classmethod
    def from_html(cls, html):
        before_time, _time, rest = html.partition(TIME)
        before_replied_to, _replied_to, rest = rest.partition(REPLIED_TO)
        before_actions, _actions, end = rest.rpartition(ACTIONS)
        return cls(before_time, before_replied_to, before_actions, end)

    def fill_in(self, time, replied_to, actions):
        """Return the complete card. The arguments must be safe HTML."""
        return mark_safe(  # noqa: S308
            f"{self.before_time}{time}{self.before_replied_to}{replied_to}{self.before_actions}{actions}{self.end}"
        )


def shown_fields(post):
    """Return all data of a post that its card shows. If the template shows more, add it here."""
    author = post.author
    return (
        post.pk,
        post.content,
        post.language,
        post.created_on,
        post.edited_on,
        author.username,
        author.display_name,
        author.picture,
    )


def render_cards(posts):
    """Set `card` on each post. The cards come from memory or a shared cache, or are rendered. Returns the posts as a list.

    This takes at most one call to a shared cache to read cards, and one database query if any rendered card has mentions.
    """
    posts = list(posts)
    vary = cache_vary()
    mentions = mentions_version() if any(map(may_mention, posts)) else None
    for post in posts:
        post.card_key = card_key(post, vary, mentions)
        post.card = memory_for(post).get(post.card_key)
    if cache_is_shared():
        load_shared([post for post in posts if post.card is None and not may_mention(post)])
    missing = render_contents(post for post in posts if post.card is None)
    for post in missing:
        post.card = Card.from_html(render_card(post))
        if mentions is not None or not may_mention(post):
            memory_for(post).keep(post.card_key, post.card)
    if cache_is_shared():
        store_shared([post for post in missing if not may_mention(post)])
    return posts


def load_shared(posts):
    """Set `card` on the posts whose cards are in the shared cache."""
    keys = {shared_key(post): post for post in posts}
    found = (ask_cache("get_many", list(keys)) if keys else None) or {}
    for key, parts in found.items():
        keys[key].card = local_cache.keep(keys[key].card_key, Card(*parts))


def store_shared(posts):
    if posts:
        ask_cache("set_many", {shared_key(post): tuple(post.card) for post in posts}, SHARED_FOR)


def memory_for(post):
    return mention_cache if may_mention(post) else local_cache


def may_mention(post):
    return "@" in post.content


def render_card(post):
    """Return the HTML of a post whose `content_html` is set, with the placeholders."""
    placeholders = {"time_here": TIME, "replied_to_here": REPLIED_TO, "actions_here": ACTIONS}
    return get_template(TEMPLATE).render({"post": post} | placeholders)


def cache_vary():
    """Return the values that all cards depend on besides their posts."""
    # Times in the site's own time zone name it.
    zone = get_current_timezone_name()
    return get_language(), zone, zone == get_default_timezone_name(), get_script_prefix()


def card_key(post, vary, mentions=None):
    return vary, mentions if may_mention(post) else None, *shown_fields(post)


def mentions_version():
    """Return a value that changes once a minute, and whenever any mention may become a link or stop being one.

    While the cache is unavailable, the value is None, and cards with mentions aren't kept.
    """
    version = ask_cache("get", MENTIONS_VERSION, "")
    return None if version is None else (version, int(time.time() // 60))


def change_mentions_version(**kwargs):
    """Receive events that change which mentions become links, so that cards with mentions are rendered again."""
    transaction.on_commit(lambda: ask_cache("set", MENTIONS_VERSION, secrets.token_hex(8), None))


def cache_is_shared():
    return not isinstance(caches["default"], LocMemCache | DummyCache)


def shared_key(post):
    """Return the key of the post's card in a shared cache, which may contain cards from older code."""
    key = repr((code_version(), post.card_key)).encode()
    return f"card:{blake2s(key, digest_size=16).hexdigest()}"


@cached_forever
def code_version():
    """Return a digest of all code that a card may depend on. It ensures that cards are rendered again after an update."""
    folders = [Path(apps.get_app_config(label).path) for label in ("accounts", "posts")]
    return digest_of(get_template(TEMPLATE).template.source, *folders)


def digest_of(source, *folders):
    """Return a digest of a template's source and of all code in some folders, except tests."""
    digest = blake2s(source.encode(), digest_size=8)
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            if "tests" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def ask_cache(method, *args):
    """Call a method of the cache. Returns the result, or None while the cache is unavailable."""
    try:
        return breaker.call(getattr(cache, method), *args)
    except Unavailable:
        return None
