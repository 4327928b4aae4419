"""allauth's rate limits, and the codes that it must accept only once, counted by accounts.rate_limits.

allauth keeps both in the default cache, where other entries, a restart or a second process make it forget them. It has
no setting for that, so `install()` replaces the three functions that use the cache. A test fails if an update of allauth
no longer calls them.
"""

from dataclasses import dataclass
from datetime import timedelta

from allauth.core.exceptions import RateLimited
from allauth.core.internal import ratelimit
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.totp.internal.auth import TOTP

from accounts import rate_limits
from accounts.models import RateLimitCounter


@dataclass
class Usage:
    """One counted attempt, as allauth keeps it to take it back after a successful login."""

    key: str

    def rollback(self):
        RateLimitCounter.decrement(self.key)


def install():
    """Replace allauth's functions. Called once, by AccountsConfig.ready()."""
    ratelimit._consume_single_rate = consume_single_rate
    ratelimit.clear = clear
    TOTP._mark_code_used = mark_code_used


def consume_single_rate(
    request, *, app, action, rate, key=None, user=None, dry_run=False, raise_exception=False
):
    """Return the Usage, or None if the limit `rate` is exceeded; with `raise_exception` raise RateLimited instead."""
    counter = counter_of(request, app=app, action=action, rate=rate, key=key, user=user)
    # Only GET is exempt in allauth, but HEAD and OPTIONS do as little.
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
    """Forget the attempts of one account at `action`, but not those from its address: others are counted there, too."""
    for rate in ratelimit.get_rates(app=app, action=action, config=config):
        if rate.per != "ip":
            counter = counter_of(request, app=app, action=action, rate=rate, key=key, user=user)
            RateLimitCounter.objects.filter(key=counter).delete()


def counter_of(request, **facts):
    return rate_limits.counter_key(ratelimit.get_cache_key(request, **facts))


def mark_code_used(self, code):
    """Return whether the TOTP code is used for the first time. A code is valid for one period."""
    counter = rate_limits.counter_key(self._get_used_cache_key(code))
    return RateLimitCounter.increment(counter, timedelta(seconds=mfa_settings.TOTP_PERIOD)) == 1
