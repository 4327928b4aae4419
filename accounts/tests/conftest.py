"""Fixtures for the tests of emails."""

import pytest
import time_machine

from accounts.tests.email_helpers import NOON
from accounts.tests.factories import UserFactory


@pytest.fixture
def bob(db):
    return UserFactory(username="bob", display_name="Bob <b>\nBuilder & Sons")


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def follow(member):
    """Return a function that makes the given number of new people follow the member."""

    def follow(count=1):
        people = UserFactory.create_batch(count)
        for person in people:
            person.follow(member)
        return people

    return follow
