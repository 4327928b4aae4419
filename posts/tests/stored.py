"""What the tests of stored timelines ask for."""

from unittest import mock

import pytest
from django.conf import settings

from accounts.paging import Cursor
from posts.models import Post
from posts.timelines import home_timeline
from posts.timelines.fanout_write import key_of
from posts.timelines.normalized import NormalizedTimeline

WRITE = "posts.timelines.fanout_write.FanOutOnWriteTimeline"
READ = "posts.timelines.fanout_read.FanOutOnReadTimeline"
FIRST_PAGE = Cursor()
needs_redis = pytest.mark.skipif(
    not settings.TIMELINE_REDIS_URL, reason="needs TIMELINE_REDIS_URL, or CACHE_URL on Redis"
)


def ids(reader, cursor=FIRST_PAGE):
    return [post.pk for post in home_timeline().page(reader, cursor)]


def newest(author):
    return list(Post.objects.filter(author=author).order_by("-id").values_list("pk", flat=True)[:20])


def only_stored():
    """Within, every page must come from what is stored."""
    return mock.patch.object(
        NormalizedTimeline, "posts", side_effect=AssertionError("not from what is stored")
    )


def stored_ids(timeline, reader):
    return [int(id) for id in timeline.store.redis.zrange(key_of(reader.pk), 1, -1)]
