from datetime import timedelta

import pytest
import time_machine
from redis import Redis

from accounts.tests.factories import FollowFactory, UserFactory
from posts.tests import reading
from posts.tests.factories import PostFactory
from posts.tests.stored import READ, WRITE
from posts.timelines import home_timeline


@pytest.fixture
def bob(member):
    """Somebody whom the member follows."""
    return FollowFactory(follower=member, followed=UserFactory(username="bob")).followed


@pytest.fixture
def clock():
    with time_machine.travel(reading.TUESDAY, tick=False) as clock:
        yield clock


@pytest.fixture
def back_on_friday(member_client, bob, clock):
    """The member read all on Tuesday; the clock says Friday."""
    reading.write(bob, 25, "old")
    member_client.get("/")
    clock.shift(timedelta(days=3))


@pytest.fixture
def empty_store(settings, db):
    """What is stored in Redis outlives a test's transaction."""
    if settings.TIMELINE_REDIS_URL:
        with Redis.from_url(settings.TIMELINE_REDIS_URL) as redis:
            redis.flushdb()


@pytest.fixture(params=[WRITE, READ], ids=["write", "read"])
def stored(request, settings, empty_store):
    """Each timeline that is stored in Redis; where there is none, one that does not answer."""
    settings.HOME_TIMELINE = request.param
    settings.TIMELINE_REDIS_URL = settings.TIMELINE_REDIS_URL or "redis://127.0.0.1:1/0"
    return home_timeline()


@pytest.fixture
def write(settings, empty_store):
    settings.HOME_TIMELINE = WRITE
    return home_timeline()


@pytest.fixture
def prolific(member):
    """Whom the member follows; has written 25 posts."""
    bob = FollowFactory(follower=member, followed=UserFactory(username="bob")).followed
    for _ in range(25):
        PostFactory(author=bob)
    return bob
