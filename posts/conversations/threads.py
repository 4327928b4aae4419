"""The page of a post in its conversation: what it replies to, and the replies below it. See posts.paths.

A page is full of replies that its viewer may see. Where some of them reply to a post that the viewer may not see, the page has a
line in its place.
"""

import base64
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from types import SimpleNamespace

from django.db.models import BigIntegerField, BinaryField, Value
from django.http import Http404

from accounts.common.compiled_queries import CompiledQuery
from accounts.common.cursors import PAGE_SIZE
from posts import paths
from posts.conversations.replied_to import load_replied_to
from posts.ids import MAX_ID
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


def replies_between(viewer, start, end, *, thread=None, parent=None):
    """Return replies that `viewer` may see, as a queryset: those in `thread` whose paths are between two paths, or those to the
    post with the id `parent` whose ids are between two ids.
    """
    visible = Post.objects.visible_to(viewer)
    if parent is None:
        return visible.filter(thread=thread, path__gt=start, path__lt=end)
    return visible.filter(in_reply_to__pk=parent, pk__gt=start, pk__lt=end)


@lru_cache(maxsize=20)
def page_query(limit, as_member, is_deepest, backwards):
    """Return the CompiledQuery for a page of replies. Its arguments are those of `replies_between()`, with the key of the viewer.

    Django takes longer to build and compile it than the database to run it. Replies at the lowest level differ only in their own
    ids at the end of their paths, so they are in the same order by id, and there is an index for that.
    """

    def build(viewer=None, **bounds):
        viewer = SimpleNamespace(pk=viewer, is_authenticated=as_member)
        replies = replies_between(viewer, **bounds).with_is_muted(viewer).with_replied_to_name(viewer)
        replies = replies.for_display().only(*LISTED, "path", "author__noindex")
        order = "pk" if is_deepest else "path"
        return replies.order_by(f"-{order}" if backwards else order)[:limit]

    position = BigIntegerField() if is_deepest else BinaryField()
    above = "parent" if is_deepest else "thread"
    fields = {"start": position, "end": position, above: BigIntegerField()}
    return CompiledQuery(build, **fields, **({"viewer": None} if as_member else {}))


class Thread:
    """What `viewer` may see of a conversation on the page of `post`."""

    def __init__(self, post, viewer):
        self.post, self.viewer = post, viewer
        self.path = bytes(post.path or b"")
        self.is_deepest = paths.depth_of(self.path) == paths.MAX_DEPTH

    def page(self, cursor, size=PAGE_SIZE):
        """Return the ThreadPage at a PathCursor. Makes one query. Raises Http404 if the cursor is outside of this thread."""
        for path in (cursor.after, cursor.before):
            if path and not path.startswith(self._shared_path):
                raise Http404("That position isn't below this post.")
        as_member = self.viewer.is_authenticated
        query = page_query(size + 1, as_member, self.is_deepest, backwards=cursor.before is not None)
        bounds = self._bounds(cursor.after, cursor.before)
        rows = query.rows(**bounds, **({"viewer": self.viewer.pk} if as_member else {}))
        if cursor.before:
            rows.reverse()
        more = len(rows) > size
        if not cursor.before:
            return self._page(rows[:size], cursor.after or self.path, bool(cursor.after), more)
        above = bytes(rows[0].path) if more else self.path
        return self._page(rows[-size:], above, more, True)

    def _bounds(self, after=None, before=None):
        """Return the arguments of `replies_between()` that find the replies below the post, between two paths if they are given."""
        if self.is_deepest:
            # The paths of its replies aren't longer, so only direct replies are below it.
            start = paths.ids_in(after)[-1] if after else -1
            end = paths.ids_in(before)[-1] if before else MAX_ID
            return {"parent": self.post.pk, "start": start, "end": end}
        # No path is empty, and a compiled query takes no empty value.
        start, end = after or self.path or b"\0", before or paths.end_of(self.path)
        return {"thread": self.post.conversation, "start": start, "end": end}

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
        earlier = replies_between(self.viewer, **self._bounds(before=bytes(reply.path)))
        return earlier[:PAGE_SIZE].count() < PAGE_SIZE

    def ancestor_ids(self):
        """Return a list of the ids of the posts above the post, from the top down."""
        if not self.post.is_reply:
            return []
        outside = [self.post.in_reply_to_id] if self._has_ancestor_outside_of_path else []
        return [self.post.thread, *paths.ids_in(self.path)[:-1], *outside]

    @property
    def _has_ancestor_outside_of_path(self):
        """Whether this post is at the lowest level and replies to another one there, which isn't in its path."""
        return self.is_deepest and self.post.in_reply_to_id not in (None, *paths.ids_in(self.path)[:-1])

    def load(self, page, others):
        """Return (Entries for the ancestors, list of the other posts, newest first), and set on all posts to whom they reply. Makes one query.

        `others` is a queryset of posts that aren't replies.
        """
        above = self.ancestor_ids()
        on_page = {post.pk: post for post in [self.post, *page.posts]}
        wanted = {*above, *(post.in_reply_to_id for post in page.posts)} - on_page.keys() - {None}
        visible = Post.objects.visible_to(self.viewer)
        parts = [Post.objects.filter(pk__in=others.values("pk")), visible.filter(pk__in=wanted)]
        if self._has_ancestor_outside_of_path:
            # The post to which that one replies isn't in the path, either.
            parts.append(visible.filter(replies=self.post.in_reply_to_id))
        # A union, because the planners would scan all posts for an OR of these conditions.
        parts = [
            posts.for_lists("author__noindex")
            .with_is_muted(self.viewer)
            .with_replied_to_name(self.viewer)
            .annotate(is_other=Value(posts is parts[0]))
            for posts in parts
        ]
        found = list(parts[0].union(*parts[1:], all=True))
        known = dict.fromkeys(wanted) | on_page | {post.pk: post for post in found if not post.is_other}
        ancestors = [known[key] for key in above]
        known = dict.fromkeys(post.in_reply_to_id for post in ancestors if post) | known
        load_replied_to([self.post, *page.posts, *filter(None, ancestors)], self.viewer, known)
        return [Entry(post) for post in ancestors], sorted(
            (post for post in found if post.is_other), key=attrgetter("pk"), reverse=True
        )
