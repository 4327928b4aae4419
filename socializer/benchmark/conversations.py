"""`threads`: a page of a long conversation, compared with twenty posts by key."""

import random

from accounts.common.cursors import PAGE_SIZE
from accounts.models import Block, User
from posts.conversations.threads import PathCursor, Thread
from posts.models import Post
from posts.paths import end_of
from socializer.benchmark.filling import POSTS, analyze, make_post, store
from socializer.benchmark.measuring import Candidate, compare
from socializer.benchmark.readers import make_reader, newest_ids

# How many replies a conversation has, and how deep the first one is.
REPLIES, DEPTH = 10_000, 100
# In the conversations that the reader sees the end of only, so many replies are visible.
VISIBLE = 40


def conversations():
    """Yield the name, the id of the first post and a reader of each kind of conversation with REPLIES replies."""
    rng = random.Random("conversations")
    authors = list(User.objects.visible().order_by("pk").values_list("pk", flat=True)[:1000])
    suspended = list(User.objects.suspended().order_by("pk").values_list("pk", flat=True)[:20])
    reader, blocked = make_reader("conversations", []), authors[-20:]
    Block.objects.bulk_create(Block(blocker=reader, blocked_id=pk) for pk in blocked)
    ids = newest_ids(6 * (REPLIES + 1))

    def write(authors, replied_to=None, hidden_on=None):
        return make_post(next(ids), rng.choice(authors), "reply", hidden_on, replied_to)

    def grow(rows, levels, width):
        """Add `levels` replies to each of `width` branches."""
        ends = rows[:1] * width
        for _level in range(levels):
            ends = [write(authors[:-20], end) for end in ends]
            rows += ends

    def hide(rows, authors_of_hidden, hidden_on=None):
        for _number in range(REPLIES - VISIBLE):
            rows.append(write(authors_of_hidden, rows[0], hidden_on))
        grow(rows, 1, VISIBLE)

    for name, fill in {
        f"a thread {DEPTH} deep": lambda rows: grow(rows, DEPTH, REPLIES // DEPTH),
        "a chain": lambda rows: grow(rows, REPLIES, 1),
        "a thread of mostly hidden replies": lambda rows: hide(rows, authors, rows[0][3]),
        "a thread with suspended people": lambda rows: hide(rows, suspended),
        "a thread with blocked people": lambda rows: hide(rows, blocked),
    }.items():
        rows = [write(authors[:-20])]
        fill(rows)
        store(Post, POSTS, rows)
        analyze()
        yield name, rows[0][0], reader


def compare_pages(first, member, rounds, **where):
    """Return the Results for the first and the last page of a conversation. The time is that of finding the replies."""
    first = Post.objects.get(pk=first)
    thread = Thread(first, member)
    visible = Post.objects.visible_to(member).filter(thread=first.pk).values_list("pk", "path")
    rows = sorted(((bytes(path), pk) for pk, path in visible.iterator()))
    results = []
    last = PathCursor(before=end_of(b""))
    for page, cursor, shown in ((1, PathCursor(), rows[:PAGE_SIZE]), (-1, last, rows[-PAGE_SIZE:])):
        ids = [pk for _path, pk in shown]

        def by_key(ids=ids):
            return [post.pk for post in Post.objects.filter(pk__in=ids).for_lists().order_by("-pk")]

        def by_path(cursor=cursor):
            return [post.pk for post in thread.page(cursor).posts]

        floor = "20 by key, ORM"
        candidates = [
            Candidate(floor, by_key, floor, sorted(ids, reverse=True)),
            Candidate("replies of the page", by_path, floor, ids),
        ]
        number = len(rows) // PAGE_SIZE if page < 0 else page
        results += compare(candidates, rounds, page=number, **where)
    return results
