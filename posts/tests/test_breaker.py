"""Whoever calls Redis while it is away is refused at once, but for one caller now and then."""

from unittest import mock

import pytest
from redis.exceptions import BusyLoadingError, OutOfMemoryError, TimeoutError

from posts import breaker
from posts.breaker import LOGS_EVERY, RESTS_FOR, Breaker, Unavailable


@pytest.fixture
def now(monkeypatch):
    """The time, a float in a list that a test may set."""
    now = [1000.0]
    monkeypatch.setattr(breaker.time, "monotonic", lambda: now[0])
    return now


def refused(breaker, function):
    with pytest.raises(Unavailable):
        breaker.call(function)


@pytest.mark.parametrize("error", [TimeoutError, BusyLoadingError])
def test_after_a_failure_redis_is_left_alone_for_a_while(now, error):
    redis, breaker = mock.Mock(side_effect=error("away")), Breaker()
    for _ in range(3):
        refused(breaker, redis)
    assert redis.call_count == 1

    now[0] += RESTS_FOR
    redis.side_effect = [7, 8]
    assert [breaker.call(redis), breaker.call(redis)] == [7, 8]


def test_while_one_caller_tries_again_the_others_are_refused(now):
    breaker, others = Breaker(), mock.Mock()
    refused(breaker, mock.Mock(side_effect=TimeoutError))
    now[0] += RESTS_FOR

    breaker.call(lambda: refused(breaker, others))

    assert not others.called
    assert breaker.call(lambda: 7) == 7


def test_a_redis_that_refuses_is_asked_again_and_logged_once_a_minute(now, caplog):
    redis, breaker = mock.Mock(side_effect=OutOfMemoryError("full")), Breaker()
    for _ in range(3):
        refused(breaker, redis)
    assert redis.call_count == 3
    assert len(caplog.messages) == 1

    now[0] += LOGS_EVERY
    refused(breaker, redis)
    assert len(caplog.messages) == 2
    assert "full" in caplog.messages[0]
