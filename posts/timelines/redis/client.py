"""A connection to Redis, which may be unavailable, slow, full or empty at any time."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from posts.app_settings import app_settings
from posts.circuit_breaker import CircuitBreaker

# How many seconds a request may wait for Redis.
TIMEOUT = 0.25


class RedisClient:
    """Runs Lua scripts on the Redis server at TIMELINE_REDIS_URL. All methods may raise posts.circuit_breaker.Unavailable."""

    def __init__(self):
        self.redis = Redis.from_url(
            app_settings.TIMELINE_REDIS_URL,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self.breaker = CircuitBreaker()

    def script(self, lua):
        """Return a function that runs the script with the given keys and arguments."""
        registered = self.redis.register_script(lua)
        return lambda keys, *args: self.breaker.call(registered, keys=keys, args=args)

    def delete(self, pattern):
        """Delete all keys that match the pattern, a few at a time."""
        self.breaker.call(self._delete, pattern)

    def _delete(self, pattern):
        for key in self.redis.scan_iter(pattern, count=1000):
            self.redis.unlink(key)
