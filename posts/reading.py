"""Where a member was: what of the home timeline is new, and what a page that is shown adds to what was read."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import Error as DatabaseError

from posts.cards import ask_cache
from posts.ids import moment_of
from posts.models import ReadMark
from posts.timelines import home_timeline

logger = logging.getLogger(__name__)

# Beyond this nobody counts; "more than" is said instead.
MANY = 99
# For how many seconds the count beside a page is remembered: it takes as long as the page.
REMEMBERED_FOR = 60


@dataclass(frozen=True)
class News:
    """How many posts stand above a position, which is a moment, too. Up to MANY are counted."""

    position: int
    count: int

    @property
    def since(self) -> datetime:
        return moment_of(self.position)

    @property
    def shown_count(self):
        return min(self.count, MANY)

    @property
    def is_more(self):
        return self.count > MANY


def news_for(reader, position):
    """Return the News above `position` in the home timeline of `reader`, their own posts left out."""
    return News(position, home_timeline().count_newer(reader, position, MANY + 1))


def mark_of(reader):
    """The ReadMark of `reader`, or None if they have not read anything yet."""
    return getattr(reader, "read_mark", None)


def shown_by(page, cursor):
    """Return (low, high): a page that is not empty has shown all there is over `low` and up to `high`.

    Never what may still change: a post that commits late has not been shown.
    """
    low = cursor.after
    if low is None:
        low = page.items[-1].pk - 1 if page.older is not None else 0
    high = page.items[0].pk if cursor.before is None else cursor.before - 1
    return low, max(min(high, page.settled - 1), 0)


def news_on(page, cursor, mark, reader):
    """Return the News since `mark`, from the page itself if it reaches down to it.

    If not, what was counted a moment ago is remembered, and what came since is counted on the page. So posts that are new
    count at once, and posts that were deleted or are no longer followed count for a moment more.
    """
    low, _high = shown_by(page, cursor)
    position, below = mark.position, 0
    if low > position:
        key = f"news:{reader.pk}:{mark.position}"
        position, below = ask_cache("get", key) or (0, 0)
        if low > position:
            position, below = page.settled - 1, news_for(reader, mark.position).count
            ask_cache("set", key, (position, below), REMEMBERED_FOR)
    new = sum(post.pk > position and post.author_id != reader.pk for post in page)
    return News(mark.position, min(below + new, MANY + 1))


def in_hand(page, cursor, mark):
    """Return the position from which to count what comes while the page is open.

    None where the page does not reach down to `mark`: there is more to read first, and the page says so.
    """
    low, high = shown_by(page, cursor)
    return high if mark is None or low <= mark.position else None


def line_on(page, cursor, mark):
    """Return the id of the post on this page above which the line belongs, or None."""
    line = mark.line_now
    ids = [post.pk for post in page]
    below = next((pk for pk in ids if pk <= line), None)
    something_above = below != ids[0] or (cursor.before is not None and cursor.before > line + 1)
    return below if below is not None and something_above else None


def note_shown(request, page, cursor, mark):
    """Remember that the reader was shown this page. It is no reason to show none if that cannot be stored."""
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return  # The browser asked on a guess; nobody has looked at it.
    first_page = cursor.before is None and cursor.after is None
    low, high = shown_by(page, cursor)
    try:
        if mark:
            mark.note(low, high, spare=first_page)
        elif first_page:
            ReadMark.begin(request.user, high)
    except DatabaseError:
        logger.exception("A read mark could not be stored")
