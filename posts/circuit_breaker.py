"""A circuit breaker for Redis. While Redis is unavailable, requests don't wait for it each time."""

import logging
import time

logger = logging.getLogger(__name__)

# The number of seconds to wait before calling Redis again after it didn't respond.
RETRY_AFTER = 10
# When Redis is full or read-only, it refuses many commands on every page. This is logged at most once in this many seconds.
LOG_INTERVAL = 60


class Unavailable(OSError):
    """Redis doesn't respond or refuses a command. This is an OSError so that jobs are retried later."""


class CircuitBreaker:
    """Calls functions that use Redis. If Redis can't be reached, further calls are refused for RETRY_AFTER seconds.

    Then one caller may try again, while other calls are still refused.
    """

    def __init__(self):
        self.retry_at = 0  # Calls are refused before this time. 0 means that Redis can be reached.
        self.log_from = 0

    def call(self, function, *args, **kwargs):
        """Return the result of calling the function. Raises Unavailable if the call is refused or Redis fails."""
        now = time.monotonic()
        if now < self.retry_at:
            raise Unavailable("Redis didn't answer a moment ago.")
        if self.retry_at:
            self.retry_at = now + RETRY_AFTER
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            # Imported here, so that a site without Redis doesn't load the package, which may not even be installed.
            try:
                from redis import exceptions as redis
            except ImportError:
                redis = None

            if redis is None or not isinstance(error, redis.RedisError):
                raise
            if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
                self.retry_at = time.monotonic() + RETRY_AFTER
                self._log("Redis doesn't answer; the site works without it", error)
            else:  # Redis is full or read-only, or another program uses the key.
                self.retry_at = 0
                self._log("Redis refuses a command; the site works without it", error)
            raise Unavailable(str(error)) from error
        self.retry_at = 0
        return result

    def _log(self, message, error):
        now = time.monotonic()
        if now >= self.log_from:
            self.log_from = now + LOG_INTERVAL
            logger.warning("%s: %s", message, error)
