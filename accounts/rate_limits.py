"""How often something may be done: so many times in a window that begins with the first of them.

The counters are rows, so that neither a restart, another process nor a full cache resets them, and a transaction that is
rolled back has counted nothing. A limit is a pair: how many, and in how many seconds.
"""

import math
from datetime import timedelta
from hashlib import blake2s

from django.conf import settings
from django.utils import timezone
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _

from accounts.models import RateLimitCounter

# Of the limits of allauth, in ACCOUNT_RATE_LIMITS, and of the defaults in the code.
LONGEST_BUILT_IN = timedelta(days=1)


class RateLimitExceeded(Exception):
    """Too many in too short a time. `wait` is the timedelta until the next one is allowed.

    RateLimitMiddleware answers with 429 if no view catches it.
    """

    def __init__(self, wait):
        super().__init__(wait)
        self.wait = wait

    def __str__(self):
        return wait_message(self.wait)


def hit(action, subject, limit):
    """Count one `action` of `subject`, a string or number. Raises RateLimitExceeded if that is one too many.

    Call it in the transaction of the action: if the action fails or is refused, it does not count.
    """
    count, seconds = limit
    key = counter_key(action, subject)
    if RateLimitCounter.increment(key, timedelta(seconds=seconds)) > count:
        raise RateLimitExceeded(RateLimitCounter.remaining(key))


def limit(setting, default):
    """Return the limit in the setting of that name, or `default` in a project without it."""
    return getattr(settings, setting, default)


def longest_window():
    """Return the length of the longest window that any limit has, a timedelta."""
    limits = [getattr(settings, name) for name in dir(settings) if name.endswith("_LIMIT")]
    windows = [timedelta(seconds=limit[1]) for limit in limits if isinstance(limit, tuple)]
    return max([LONGEST_BUILT_IN, *windows])


def counter_key(*parts):
    """Return the key of a counter: the same for the same parts, and nobody can read them from it."""
    return blake2s("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def refuse(request, wait):
    """Have RateLimitMiddleware turn the answer to `request` into a 429 that says how long to wait, a timedelta."""
    request.rate_limit_wait = wait


def wait_message(wait):
    """Return a sentence for people that says when to try again, rounded up to whole minutes, hours or days."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    unit = timedelta(minutes=1) if wait <= hour else hour if wait <= day else day
    now = timezone.now()
    rounded = timeuntil(now + unit * max(math.ceil(wait / unit), 1), now, depth=1)
    return _("You've done that many times in a short while. Try again in %(wait)s.") % {"wait": rounded}
