"""What may be away must not make anybody wait for it again and again."""

import logging
import time

from redis.exceptions import ConnectionError, RedisError, TimeoutError

logger = logging.getLogger(__name__)

# For how long nobody asks Redis after it did not answer.
RESTS_FOR = 10


class Unavailable(OSError):
    """Redis does not answer, or not as it should. An OSError: a task may try again later."""


class Breaker:
    """Calls what talks to Redis; after a failure to reach it, refuses at once for RESTS_FOR seconds."""

    def __init__(self):
        self.rests_until = 0

    def call(self, function, *args, **kwargs):
        """Return what the function returns; raises Unavailable for whatever Redis raises."""
        if time.monotonic() < self.rests_until:
            raise Unavailable("Redis did not answer a moment ago.")
        try:
            return function(*args, **kwargs)
        except (ConnectionError, TimeoutError) as error:
            self.rests_until = time.monotonic() + RESTS_FOR
            logger.warning("Redis does not answer; doing without it for %s s: %s", RESTS_FOR, error)
            raise Unavailable(str(error)) from error
        except RedisError as error:  # Full, only for reading, or a foreign key in our place.
            logger.warning("Redis refuses: %s", error)
            raise Unavailable(str(error)) from error
