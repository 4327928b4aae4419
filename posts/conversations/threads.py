"""The page of a post in its conversation: what it replies to, and the replies below it. See posts.paths.

A page is full of replies that its viewer may see. Where some of them reply to a post that the viewer may not see, the page has a
line in its place.
"""

import base64
from dataclasses import dataclass, field
from operator import attrgetter

from django.db.models import Value
from django.http import Http404

from accounts.common.cursors import PAGE_SIZE
from posts import paths
from posts.conversations.replied_to import load_replied_to
from posts.models import Post
from posts.querysets import LISTED

# Deeper replies are shown as far to the right as these.
MOST_INDENTED = 3


@dataclass(frozen=True)
class PathCursor:
    """Where a page of replies starts: after or before a path in its conversation. The first page has neither."""

    after: bytes | None = None
    before: bytes | None = None

    @classmethod
    def from_query(cls, query):
        """Read a cursor from the query string, where `after` takes precedence. Raises Http404 for anything that isn't a path."""
        if text := query.get("after"):
            return cls(after=decode_path(text))
        if text := query.get("before"):
            return cls(before=decode_path(text))
        return cls()


def encode_path(path):
    """Return a path as text for a URL."""
    return base64.urlsafe_b64encode(path).rstrip(b"=").decode()


def decode_path(text):
    """Return the path that `encode_path()` was given. Raises Http404 for other texts."""
    try:
        path = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise Http404("That isn't a position in a conversation.") from error
    if not path or len(path) > paths.MAX_LENGTH or len(path) % paths.BYTES:
        raise Http404("That isn't a position in a conversation.")
    return path


@dataclass(frozen=True)
class Entry:
    """A line of a thread: a post that the viewer may see, or None in the place of one that isn't available."""

    post: Post | None
    depth: int = 0

    @property
    def indent(self):
        return min(self.depth, MOST_INDENTED)


@dataclass(frozen=True)
class ThreadPage:
    """Replies in the order in which they are read. The cursors are texts for a URL, or None where the replies end."""

    entries: list = field(default_factory=list)
    earlier: str | None = None
    later: str | None = None

    @property
    def posts(self):
        return [entry.post for entry in self.entries if entry.post]


class Thread:
    """What `viewer` may see of a conversation on the page of `post`."""

    def __init__(self, post, viewer):
        self.post, self.viewer = post, viewer
        self.path = bytes(post.path or b"")
        self.is_deepest = paths.depth_of(self.path) == paths.MAX_DEPTH

    def replies(self):
        """Return the visible replies below the post as a queryset, in the order of a page."""
        replies = Post.objects.visible_to(self.viewer).filter(thread=self.post.conversation)
        if self.is_deepest:
            # Their paths aren't longer, but only direct replies are below it.
            replies = replies.filter(in_reply_to=self.post)
        elif self.path:
            replies = replies.filter(path__gt=self.path, path__lt=paths.end_of(self.path))
        return replies.order_by("path")

    def page(self, cursor, size=PAGE_SIZE):
        """Return the ThreadPage at a PathCursor. Makes one query. Raises Http404 if the cursor is outside of this thread."""
        for path in (cursor.after, cursor.before):
            if path and not path.startswith(self._shared_path):
                raise Http404("That position isn't below this post.")
        replies = self.replies().with_is_muted(self.viewer).with_replied_to_name(self.viewer).for_lists()
        replies = replies.only(*LISTED, "path")
        if cursor.before:
            rows = list(replies.filter(path__lt=cursor.before).order_by("-path")[: size + 1])[::-1]
        else:
            rows = list((replies.filter(path__gt=cursor.after) if cursor.after else replies)[: size + 1])
        more = len(rows) > size
        if not cursor.before:
            return self._page(rows[:size], cursor.after or self.path, bool(cursor.after), more)
        above = bytes(rows[0].path) if more else self.path
        return self._page(rows[-size:], above, more, True)

    @property
    def _shared_path(self):
        """With what the paths of all replies begin."""
        return self.path[: -paths.BYTES] if self.is_deepest else self.path

    def _page(self, rows, above, has_earlier, has_later):
        if not rows:
            return ThreadPage()
        first, last = (encode_path(bytes(row.path)) for row in (rows[0], rows[-1]))
        return ThreadPage(
            self._entries(rows, above), first if has_earlier else None, last if has_later else None
        )

    def _entries(self, rows, above):
        """Return Entries for posts, which come below the path `above`, and for those that are missing between them."""
        entries = []
        for row in rows:
            path = bytes(row.path)
            for end in range(len(self.path) + paths.BYTES, len(path), paths.BYTES):
                if not above.startswith(path[:end]):
                    entries.append(Entry(None, self._depth(end)))
            entries.append(Entry(row, self._depth(len(path))))
            above = path
        return entries

    def _depth(self, length):
        return 1 if self.is_deepest else (length - len(self.path)) // paths.BYTES

    def is_on_first_page(self, reply):
        """Return whether the first page shows `reply`, which is below the post."""
        earlier = self.replies().filter(path__lt=bytes(reply.path)).order_by()
        return earlier[:PAGE_SIZE].count() < PAGE_SIZE

    def ancestor_ids(self):
        """Return a list of the ids of the posts above the post, from the top down."""
        if not self.post.is_reply:
            return []
        ids = [self.post.thread, *paths.ids_in(self.path)[:-1]]
        # At the lowest level, the path doesn't contain the post that this one replies to.
        if self.post.in_reply_to_id and self.post.in_reply_to_id != ids[-1]:
            ids.append(self.post.in_reply_to_id)
        return ids

    def load(self, page, others):
        """Return (Entries for the ancestors, list of the other posts, newest first), and set on all posts to whom they reply. Makes one query.

        `others` is a queryset of posts that aren't replies.
        """
        above = self.ancestor_ids()
        on_page = {post.pk: post for post in [self.post, *page.posts]}
        wanted = {*above, *(post.in_reply_to_id for post in page.posts)} - on_page.keys() - {None}
        visible = Post.objects.visible_to(self.viewer)
        # A union, because the planners would scan all posts for an OR of these two conditions.
        parts = [
            posts.for_lists()
            .with_is_muted(self.viewer)
            .with_replied_to_name(self.viewer)
            .annotate(part=Value(n))
            for n, posts in enumerate(
                [visible.filter(pk__in=wanted), Post.objects.filter(pk__in=others.values("pk"))]
            )
        ]
        found = list(parts[0].union(parts[1], all=True))
        known = dict.fromkeys(wanted) | on_page | {post.pk: post for post in found if post.part == 0}
        ancestors = [known[key] for key in above]
        load_replied_to([self.post, *page.posts, *filter(None, ancestors)], self.viewer, known)
        return [Entry(post) for post in ancestors], sorted(
            (post for post in found if post.part == 1), key=attrgetter("pk"), reverse=True
        )
