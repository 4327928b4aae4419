"""The doctor and /healthz/ compare clocks."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.db import connection

from accounts.tests.factories import UserFactory
from posts import ids
from posts.tests.factories import PostFactory
from socializer import clocks
from socializer.tests.test_health import health_of
from socializer.tests.test_operators import doctor

HOUR = timedelta(hours=1)


def problems():
    return list(clocks.problems())


@pytest.fixture
def redis_time(settings):
    """The mock that returns the time of Redis."""
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"
    with mock.patch("socializer.clocks.Redis.time") as time:
        yield time


@pytest.mark.django_db
def test_equal_clocks_are_not_mentioned(client):
    PostFactory()
    UserFactory().follow(UserFactory())
    assert problems() == []
    assert health_of(client)[1]["Clocks()"] == "OK"


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no clock of its own")
@pytest.mark.parametrize(("wrong", "words"), [(-HOUR, "1:00:00 ahead of"), (HOUR, "1:00:00 behind")])
def test_a_wrong_clock_of_the_database_is_noticed(client, settings, wrong, words):
    settings.TIMELINE_REDIS_URL = ""
    with time_machine.travel(datetime.now(tz=UTC) + wrong):
        (problem,) = problems()
        assert f"The clock of the database is {words} the clock of this machine." in problem
        assert problem in doctor()
        status, parts = health_of(client)
    assert (status, "manage.py doctor" in parts["Clocks()"]) == (500, True)


@pytest.mark.django_db
@pytest.mark.parametrize(("ahead", "words"), [(60, "0:01:00 ahead of"), (-90_000, "1 day, 1:00:00 behind")])
def test_a_wrong_clock_of_redis_is_noticed(redis_time, ahead, words):
    with time_machine.travel(datetime(2026, 3, 1, tzinfo=UTC), tick=False):
        redis_time.return_value = int(datetime.now(tz=UTC).timestamp()) + ahead, 0
        (problem,) = (problem for problem in problems() if "Redis" in problem)
    assert f"The clock of Redis is {words} the clock" in problem


@pytest.mark.django_db
def test_a_slow_answer_is_not_a_difference(redis_time, monkeypatch):
    redis_time.return_value = int(datetime.now(tz=UTC).timestamp()) - 4, 0
    monkeypatch.setattr(clocks, "monotonic", mock.Mock(side_effect=[0, 6] * 2))
    assert problems() == []


@pytest.mark.django_db
def test_a_redis_that_is_down_has_no_time(settings):
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"
    assert problems() == []


@pytest.mark.django_db
def test_posts_and_jobs_dated_in_the_future_are_counted(settings):
    settings.TIMELINE_REDIS_URL = ""
    author, now = UserFactory(), datetime.now(tz=UTC)
    for seconds in (0, 9, 20, 90_000):
        PostFactory(author=author, id=ids.first_id_at(now + timedelta(seconds=seconds)))
    with time_machine.travel(now + HOUR):
        UserFactory().follow(author)

    (posts,) = problems()
    assert posts.startswith("2 posts are dated in the future")
    assert f"Until {now + timedelta(seconds=90_000):%Y-%m-%d %H:%M} UTC" in posts
    assert "1 jobs are dated in the future" in doctor()


@pytest.mark.django_db
def test_the_operator_is_told_to_set_a_clock_in_1970(client, settings):
    settings.TIMELINE_REDIS_URL = ""
    with time_machine.travel(datetime(1970, 1, 1, tzinfo=UTC)):
        said = doctor()
        assert "says 1970-01-01, but posts can't be dated before 2015. Set the clock." in said
        assert health_of(client)[0] == 500
