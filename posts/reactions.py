"""What a card shows of its post's state for one viewer. It is read for all posts of a page at once."""

from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.db import connections, router

from accounts.models import Block
from accounts.querysets import BLOCKED
from posts.models import Bookmark, Like, Post

# Replies are counted up to this number. Above it, cards say "99+".
COUNT_LIMIT = 99

# This is SQL because Django takes longer to compile these subqueries than the database takes to run them.
STATES = """
    SELECT p.id,
        EXISTS (SELECT 1 FROM {like} l WHERE l.member_id = %s AND l.post_id = p.id),
        EXISTS (SELECT 1 FROM {bookmark} b WHERE b.member_id = %s AND b.post_id = p.id),
        (SELECT count(*) FROM (
            SELECT 1 FROM {post} r WHERE r.in_reply_to_id = p.id AND r.hidden_on IS NULL
            AND (SELECT u.suspended_on FROM {user} u WHERE u.id = r.author_id) IS NULL
            AND NOT {blocked} LIMIT {limit}
        ) counted)
    FROM {post} p WHERE p.id IN ({ids})
"""


class PostState(NamedTuple):
    """Whether the viewer likes the post and has bookmarked it, and how many visible replies it has, up to COUNT_LIMIT + 1."""

    liked: bool = False
    bookmarked: bool = False
    reply_count: int = 0

    @property
    def replies(self):
        """The number of replies as a text, such as "3" or "99+", or "" without replies."""
        if self.reply_count > COUNT_LIMIT:
            return f"{COUNT_LIMIT}+"
        return str(self.reply_count or "")


def load_states(posts, viewer):
    """Set `state`, a PostState, on each post, with one query. For visitors, whose cards don't show it, this does nothing."""
    if not posts or not viewer.is_authenticated:
        return
    connection = connections[router.db_for_read(Post)]
    models = {"block": Block, "bookmark": Bookmark, "like": Like, "post": Post, "user": get_user_model()}
    tables = {name: connection.ops.quote_name(model._meta.db_table) for name, model in models.items()}
    keys = [post.pk for post in posts]
    blocked = BLOCKED.format(**tables, person="r.author_id", viewer="%s")
    ids = ", ".join(["%s"] * len(keys))
    sql = STATES.format(**tables, blocked=blocked, limit=COUNT_LIMIT + 1, ids=ids)
    with connection.cursor() as cursor:
        cursor.execute(sql, [viewer.pk] * (sql.count("%s") - len(keys)) + keys)
        states = {
            key: PostState(bool(liked), bool(bookmarked), count)
            for key, liked, bookmarked, count in cursor.fetchall()
        }
    for post in posts:
        post.state = states.get(post.pk, PostState())
