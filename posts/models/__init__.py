"""Posts and their revisions. The last imports let Django find the rooms' models. Other code imports them from their rooms."""

from posts.models.mention import Mention
from posts.models.post import Post
from posts.models.reactions import Bookmark, Like
from posts.models.revision import PostRevision

import posts.conversations.models  # noqa: F401 isort: skip
import posts.feeds.models  # noqa: F401 isort: skip
import posts.filters.models  # noqa: F401 isort: skip
import posts.reading.models  # noqa: F401 isort: skip
import posts.timelines.redis.models  # noqa: F401 isort: skip

__all__ = ["Bookmark", "Like", "Mention", "Post", "PostRevision"]
