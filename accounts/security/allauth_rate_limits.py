"""Counts allauth's rate limits and used TOTP codes in the database.

allauth keeps both in the default cache, where evictions and restarts lose them. Processes may not share that cache, either.
allauth has no setting to change this, so `install()` replaces the three functions that use the cache. A test fails if an update
of allauth no longer calls them.
"""

from dataclasses import dataclass
from datetime import timedelta

from allauth.core.exceptions import RateLimited
from allauth.core.internal import ratelimit

from accounts.common.installed import HAS_MFA
from accounts.security import rate_limits
from accounts.security.models import RateLimitCounter

if HAS_MFA:
    from allauth.mfa import app_settings as mfa_settings
    from allauth.mfa.totp.internal.auth import TOTP


@dataclass
class Usage:
    """One counted attempt. allauth calls `rollback()` after a successful login."""

    key: str

    def rollback(self):
        RateLimitCounter.decrement(self.key)


def install():
    """Replace allauth's functions. Called once, by AccountsConfig.ready()."""
    ratelimit._consume_single_rate = consume_single_rate
    ratelimit.clear = clear
    if HAS_MFA:
        TOTP._mark_code_used = mark_code_used


def consume_single_rate(
    request, *, app, action, rate, key=None, user=None, dry_run=False, raise_exception=False
):
    """Return the Usage, or None if the limit `rate` is exceeded; with `raise_exception` raise RateLimited instead."""
    counter = counter_key(request, app=app, action=action, rate=rate, key=key, user=user)
    # allauth exempts only GET, but HEAD and OPTIONS change nothing either.
    if dry_run or request.method in ("HEAD", "OPTIONS"):
        allowed = RateLimitCounter.count_now(counter) < rate.amount
    else:
        allowed = RateLimitCounter.increment(counter, timedelta(seconds=rate.duration)) <= rate.amount
    if allowed:
        return Usage(counter)
    if request.method != "GET" and not dry_run:
        rate_limits.refuse(request, RateLimitCounter.remaining(counter))
    if raise_exception:
        raise RateLimited
    return None


def clear(request, *, app, action, config=None, key=None, user=None):
    """Reset the counters of one account at `action`, but not those of IP addresses, which others share."""
    for rate in ratelimit.get_rates(app=app, action=action, config=config):
        if rate.per != "ip":
            counter = counter_key(request, app=app, action=action, rate=rate, key=key, user=user)
            RateLimitCounter.objects.filter(key=counter).delete()


def counter_key(request, **parts):
    """Return the key of the counter that replaces allauth's cache key."""
    return rate_limits.counter_key(ratelimit.get_cache_key(request, **parts))


def mark_code_used(self, code):
    """Return whether this TOTP code is used for the first time in its period."""
    counter = rate_limits.counter_key(self._get_used_cache_key(code))
    return RateLimitCounter.increment(counter, timedelta(seconds=mfa_settings.TOTP_PERIOD)) == 1
