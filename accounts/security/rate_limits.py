"""Rate limits: how many times something may be done in a window, which starts with the first action.

The counters are database rows, so a restart, another process or a full cache doesn't reset them, and a transaction that is
rolled back isn't counted. A limit is a pair of a count and a number of seconds.
"""

import math
from datetime import timedelta
from hashlib import blake2s

from django.conf import settings
from django.utils import timezone
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _

from accounts.security.models import RateLimitCounter

# The longest window in ACCOUNT_RATE_LIMITS and in the defaults of the code.
LONGEST_BUILT_IN = timedelta(days=1)


class RateLimitExceeded(Exception):
    """Something was done too often. `wait` is the timedelta until it is allowed again.

    If no view catches it, RateLimitMiddleware responds with 429.
    """

    def __init__(self, wait):
        super().__init__(wait)
        self.wait = wait

    def __str__(self):
        return wait_message(self.wait)


def hit(action, subject, limit):
    """Count one `action` by `subject`, a string or a number. Raises RateLimitExceeded if this exceeds the limit.

    Call it in the transaction of the action, so that an action that fails isn't counted.
    """
    count, seconds = limit
    key = counter_key(action, subject)
    if RateLimitCounter.increment(key, timedelta(seconds=seconds)) > count:
        raise RateLimitExceeded(RateLimitCounter.remaining(key))


def longest_window():
    """Return the longest window of any limit, a timedelta."""
    limits = [getattr(settings, name) for name in dir(settings) if name.endswith("_LIMIT")]
    # A project may have settings of its own with such a name.
    windows = [timedelta(seconds=limit[1]) for limit in limits if is_limit(limit)]
    return max([LONGEST_BUILT_IN, *windows])


def is_limit(value):
    return (
        isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(each, int) for each in value)
    )


def counter_key(*parts):
    """Return the key of a counter, a hash: equal parts have equal keys, and the parts can't be read from it."""
    return blake2s("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def refuse(request, wait):
    """Let RateLimitMiddleware change the response to `request` to a 429. `wait` is a timedelta."""
    request.rate_limit_wait = wait


def wait_message(wait):
    """Return a translated sentence that says when to try again, rounded up to whole minutes, hours or days."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    unit = timedelta(minutes=1) if wait <= hour else hour if wait <= day else day
    now = timezone.now()
    rounded = timeuntil(now + unit * max(math.ceil(wait / unit), 1), now, depth=1)
    return _("You've done that many times in a short while. Try again in %(wait)s.") % {"wait": rounded}
