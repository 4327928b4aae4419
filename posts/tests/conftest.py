from datetime import timedelta

import pytest
import time_machine
from redis import Redis

from accounts.tests.factories import FollowFactory, UserFactory
from posts.tests import reading
from posts.tests.factories import PostFactory
from posts.timelines import home_timeline


@pytest.fixture
def bob(member):
    """A person whom the member follows."""
    return FollowFactory(follower=member, followed=UserFactory(username="bob")).followed


@pytest.fixture
def clock():
    with time_machine.travel(reading.TUESDAY, tick=False) as clock:
        yield clock


@pytest.fixture
def back_on_friday(member_client, bob, clock):
    """The member was caught up on Tuesday. Now it is Friday."""
    reading.write(bob, 25, "old")
    member_client.get("/")
    clock.shift(timedelta(days=3))


@pytest.fixture
def empty_redis(settings, db):
    """Empty Redis, because rolling back a test's transaction doesn't."""
    if settings.TIMELINE_REDIS_URL:
        with Redis.from_url(settings.TIMELINE_REDIS_URL) as redis:
            redis.flushdb()


@pytest.fixture(params=["fanout_write", "fanout_read"])
def fanout_timeline(request, settings, empty_redis):
    """Each fan-out timeline. If there is no Redis, it uses one that doesn't answer."""
    settings.HOME_TIMELINE = request.param
    settings.TIMELINE_REDIS_URL = settings.TIMELINE_REDIS_URL or "redis://127.0.0.1:1/0"
    return home_timeline()


@pytest.fixture
def write_timeline(settings, empty_redis):
    """The fan-out-on-write timeline."""
    settings.HOME_TIMELINE = "fanout_write"
    return home_timeline()


@pytest.fixture
def read_timeline(settings, empty_redis):
    """The fan-out-on-read timeline."""
    settings.HOME_TIMELINE = "fanout_read"
    return home_timeline()


@pytest.fixture
def prolific(member):
    """A person whom the member follows and who has written 25 posts."""
    bob = FollowFactory(follower=member, followed=UserFactory(username="bob")).followed
    for _ in range(25):
        PostFactory(author=bob)
    return bob
