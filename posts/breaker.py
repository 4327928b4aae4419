"""What may be away must not make anybody wait for it again and again."""

import logging
import time

from redis.exceptions import ConnectionError, RedisError, TimeoutError

logger = logging.getLogger(__name__)

# For how many seconds nobody asks Redis after it did not answer.
RESTS_FOR = 10
# A Redis that is full or read-only refuses many commands of every page: one line in so many seconds says it.
LOGS_EVERY = 60


class Unavailable(OSError):
    """Redis does not answer, or not as it should. An OSError: a task may try again later."""


class Breaker:
    """Calls what talks to Redis; after a failure to reach it, refuses at once for RESTS_FOR seconds.

    Then one caller tries again, while the others are still refused.
    """

    def __init__(self):
        self.rests_until = 0  # 0: Redis can be reached.
        self.logs_from = 0

    def call(self, function, *args, **kwargs):
        """Return what the function returns; raises Unavailable for whatever Redis raises."""
        now = time.monotonic()
        if now < self.rests_until:
            raise Unavailable("Redis did not answer a moment ago.")
        if self.rests_until:
            self.rests_until = now + RESTS_FOR
        try:
            result = function(*args, **kwargs)
        except (ConnectionError, TimeoutError) as error:
            self.rests_until = time.monotonic() + RESTS_FOR
            self._log("Redis does not answer; the site works without it", error)
            raise Unavailable(str(error)) from error
        except RedisError as error:  # Full, only for reading, or a foreign key in our place.
            self.rests_until = 0
            self._log("Redis refuses a command; the site works without it", error)
            raise Unavailable(str(error)) from error
        self.rests_until = 0
        return result

    def _log(self, message, error):
        now = time.monotonic()
        if now >= self.logs_from:
            self.logs_from = now + LOGS_EVERY
            logger.warning("%s: %s", message, error)
