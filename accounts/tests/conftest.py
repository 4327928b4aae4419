"""People and a clock for the tests of mails."""

import pytest
import time_machine

from accounts.tests.factories import UserFactory
from accounts.tests.mailing import NOON


@pytest.fixture
def bob(db):
    return UserFactory(username="bob", display_name="Bob <b>\nBuilder & Sons")


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def follow(member):
    """Returns a function that has so many new people follow the member."""

    def follow(count=1):
        people = UserFactory.create_batch(count)
        for person in people:
            person.follow(member)
        return people

    return follow
