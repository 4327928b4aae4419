"""Since when a feed has been what it is. No row could tell: deleting a post leaves none, and names change elsewhere."""

import time
from hashlib import blake2s

from django.utils.translation import get_language

from posts.cards import ask_cache

KEPT_FOR = 30 * 24 * 3600


def unchanged_since(address, etag):
    """Return from which second on, as a timestamp, the feed at `address` is known to have this `etag`. None if unknown.

    That is when it was first sent, so it moves with every change. HTTP counts in seconds: of two states within one, the
    later has no such time until the next second, and neither has any while the cache is away.
    """
    # The address of a private feed is a secret.
    name = f"feed:{blake2s(f'{get_language()} {address}'.encode(), digest_size=16).hexdigest()}"
    now = int(time.time())
    last, since = ask_cache("get", name) or ("", 0)
    if last == etag:
        return since
    if since >= now or not _first_in(f"{name}:{now}", etag):
        return None
    ask_cache("set", name, (etag, now), KEPT_FOR)
    return now


def _first_in(second, etag):
    """Whether no other state of the feed was sent in this second, by any process."""
    return ask_cache("add", second, etag, 60) or ask_cache("get", second) == etag
