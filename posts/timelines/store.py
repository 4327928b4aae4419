"""Redis, as far as one can rely on it: it may be away, slow, full or emptied at any moment."""

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from posts.breaker import Breaker

# What a request may lose by waiting for Redis, in seconds.
TIMEOUT = 0.25


class Store:
    """Runs Lua scripts on the Redis of TIMELINE_REDIS_URL. All methods raise posts.breaker.Unavailable."""

    def __init__(self):
        self.redis = Redis.from_url(
            settings.TIMELINE_REDIS_URL,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self.breaker = Breaker()

    def script(self, lua):
        """Return a function of keys and arguments that runs the script."""
        registered = self.redis.register_script(lua)
        return lambda keys, *args: self.breaker.call(registered, keys=keys, args=args)

    def delete(self, pattern):
        """Delete all keys that match, a few at a time."""
        self.breaker.call(self._delete, pattern)

    def _delete(self, pattern):
        for key in self.redis.scan_iter(pattern, count=1000):
            self.redis.unlink(key)
