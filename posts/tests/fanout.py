"""Helpers for the tests of the fan-out timelines."""

from unittest import mock

import pytest
from django.conf import settings

from accounts.common.cursors import Cursor
from posts.models import Post
from posts.timelines import home_timeline
from posts.timelines.normalized import NormalizedTimeline
from posts.timelines.redis.fanout_write import key_of

FIRST_PAGE = Cursor()
needs_redis = pytest.mark.skipif(
    not settings.TIMELINE_REDIS_URL, reason="needs TIMELINE_REDIS_URL, or CACHE_URL on Redis"
)


def ids(reader, cursor=FIRST_PAGE):
    """Return the ids on a page of the reader's home timeline."""
    return [post.pk for post in home_timeline().page(reader, cursor)]


def newest(author):
    """Return the ids of the author's newest 20 posts."""
    return list(Post.objects.filter(author=author).order_by("-id").values_list("pk", flat=True)[:20])


def only_from_redis():
    """Return a context in which the test fails if a page comes from the normalized timeline."""
    return mock.patch.object(
        NormalizedTimeline, "posts", side_effect=AssertionError("from the normalized timeline")
    )


def listed_ids(timeline, reader):
    """Return the ids in the reader's list of fan-out on write, without the marker."""
    return [int(id) for id in timeline.client.redis.zrange(key_of(reader.pk), 1, -1)]
