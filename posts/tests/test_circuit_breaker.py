"""While Redis is away, calls are refused at once. Now and then one caller may try."""

import sys
from unittest import mock

import pytest
from redis.exceptions import BusyLoadingError, OutOfMemoryError, TimeoutError

from posts import circuit_breaker
from posts.circuit_breaker import LOG_INTERVAL, RETRY_AFTER, CircuitBreaker, Unavailable


@pytest.fixture
def now(monkeypatch):
    """Return a list with the present time, which tests may change."""
    now = [1000.0]
    monkeypatch.setattr(circuit_breaker.time, "monotonic", lambda: now[0])
    return now


def assert_refused(breaker, function):
    with pytest.raises(Unavailable):
        breaker.call(function)


@pytest.mark.parametrize("error", [TimeoutError, BusyLoadingError])
def test_after_a_failure_redis_is_not_called_for_a_while(now, error):
    redis, breaker = mock.Mock(side_effect=error("away")), CircuitBreaker()
    for _ in range(3):
        assert_refused(breaker, redis)
    assert redis.call_count == 1

    now[0] += RETRY_AFTER
    redis.side_effect = [7, 8]
    assert [breaker.call(redis), breaker.call(redis)] == [7, 8]


def test_while_one_caller_tries_again_the_others_are_refused(now):
    breaker, others = CircuitBreaker(), mock.Mock()
    assert_refused(breaker, mock.Mock(side_effect=TimeoutError))
    now[0] += RETRY_AFTER

    breaker.call(lambda: assert_refused(breaker, others))

    assert not others.called
    assert breaker.call(lambda: 7) == 7


def test_a_redis_that_refuses_commands_is_called_again_and_logged_once_a_minute(now, caplog):
    redis, breaker = mock.Mock(side_effect=OutOfMemoryError("full")), CircuitBreaker()
    for _ in range(3):
        assert_refused(breaker, redis)
    assert redis.call_count == 3
    assert len(caplog.messages) == 1

    now[0] += LOG_INTERVAL
    assert_refused(breaker, redis)
    assert len(caplog.messages) == 2
    assert "full" in caplog.messages[0]


def test_without_the_package_errors_of_other_caches_pass_through(monkeypatch):
    for name in ("redis", "redis.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(OSError, match="disk full"):
        CircuitBreaker().call(mock.Mock(side_effect=OSError("disk full")))
