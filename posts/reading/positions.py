"""Computes how far a member has read, which posts are new to them, and which posts they have read on the current page."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import Error as DatabaseError

from posts.ids import time_of
from posts.reading.models import ReadMarker
from posts.rendering.cards import ask_cache
from posts.timelines import home_timeline

logger = logging.getLogger(__name__)

# The highest count. Above this, pages say "more than 99".
COUNT_LIMIT = 99
# How many seconds to cache the count on the home page. Counting takes as long as the rest of the page.
COUNT_LIFETIME = 60


@dataclass(frozen=True)
class NewPosts:
    """The number of posts above a position. Counting stops at COUNT_LIMIT + 1."""

    position: int
    count: int

    @property
    def since(self) -> datetime:
        return time_of(self.position)

    @property
    def capped_count(self):
        return min(self.count, COUNT_LIMIT)

    @property
    def is_capped(self):
        return self.count > COUNT_LIMIT


def new_posts_for(reader, position):
    """Return the NewPosts above `position` in the home timeline of `reader`, without the reader's own."""
    return NewPosts(position, home_timeline().count_newer(reader, position, COUNT_LIMIT + 1))


def marker_of(reader):
    """Return the ReadMarker of `reader`, or None if they haven't read anything yet."""
    return getattr(reader, "read_marker", None)


def range_on(page, cursor):
    """Return (low, high) such that the page has every post above `low`, up to `high`. The page must not be empty.

    `high` is settled (see posts.ids), so no post can still appear below it.
    """
    low = cursor.after
    if low is None:
        low = page.items[-1].pk - 1 if page.older is not None else 0
    high = page.items[0].pk if cursor.before is None else cursor.before - 1
    return low, max(min(high, page.settled - 1), 0)


def new_posts_on(page, cursor, marker, reader):
    """Return the NewPosts since `marker`. If the page reaches down to the marker, only the posts on the page are counted.

    Otherwise, the count is cached, and the page's posts that are newer than the cached count are added. So new posts count
    at once, but deleted posts and posts by unfollowed people count for up to COUNT_LIFETIME more seconds.
    """
    low, _high = range_on(page, cursor)
    position, below = marker.position, 0
    if low > position:
        key = f"new_posts:{reader.pk}:{marker.position}"
        position, below = ask_cache("get", key) or (0, 0)
        if low > position:
            position, below = page.settled - 1, new_posts_for(reader, marker.position).count
            ask_cache("set", key, (position, below), COUNT_LIFETIME)
    new = sum(post.pk > position and post.author_id != reader.pk for post in page)
    return NewPosts(marker.position, min(below + new, COUNT_LIMIT + 1))


def poll_from(page, cursor, marker):
    """Return the position above which an open page counts new posts, or None if it doesn't count them.

    It doesn't count them while there are unread posts below it, because then it already shows that there are unread posts.
    """
    low, high = range_on(page, cursor)
    return high if marker is None or low <= marker.position else None


def divider_on(page, cursor, marker):
    """Return the id of the post on this page that goes directly below the divider, or None."""
    divider = marker.current_divider
    ids = [post.pk for post in page]
    below = next((pk for pk in ids if pk <= divider), None)
    something_above = below != ids[0] or (cursor.before is not None and cursor.before > divider + 1)
    return below if below is not None and something_above else None


def record_page(request, page, cursor, marker):
    """Store that the reader has seen this page. If storing fails, the page is still shown."""
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return  # The browser prefetched the page. The reader hasn't seen it.
    is_first_page = cursor.before is None and cursor.after is None
    low, high = range_on(page, cursor)
    try:
        if marker:
            marker.record(low, high, limit_rate=is_first_page)
        elif is_first_page:
            ReadMarker.start(request.user, high)
    except DatabaseError:
        logger.exception("A read marker could not be stored")
