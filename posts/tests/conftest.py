from datetime import timedelta

import pytest
import time_machine

from accounts.tests.factories import FollowFactory, UserFactory
from posts.tests.reading import TUESDAY, write


@pytest.fixture
def bob(member):
    """Somebody whom the member follows."""
    return FollowFactory(follower=member, followed=UserFactory(username="bob")).followed


@pytest.fixture
def clock():
    with time_machine.travel(TUESDAY, tick=False) as clock:
        yield clock


@pytest.fixture
def back_on_friday(member_client, bob, clock):
    """The member read all on Tuesday; the clock says Friday."""
    write(bob, 25, "old")
    member_client.get("/")
    clock.shift(timedelta(days=3))
