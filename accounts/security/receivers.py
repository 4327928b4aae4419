"""Receivers for events that affect account security. They only write rows, in the transaction of the event."""

from allauth.account.signals import email_changed, password_changed, password_reset, password_set
from django.db.models.signals import pre_delete, pre_save
from django.utils import timezone

from accounts import signals
from accounts.common.installed import HAS_MFA
from accounts.security import rate_limits, snapshots
from accounts.security.models import AccountSnapshot, RateLimitCounter

if HAS_MFA:
    from allauth.mfa.models import Authenticator
    from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset


def connect():
    """Connect the receivers of this room. Called by AccountsConfig.ready()."""
    signals.user_created.connect(take_snapshot)
    signals.credentials_changed.connect(mark_account)
    signals.password_rehashed.connect(update_hash)
    signals.clock_was_ahead.connect(correct_future_times)
    for signal in (email_changed, password_changed, password_reset, password_set):
        signal.connect(notify_changes)
    if HAS_MFA:
        for signal in (authenticator_added, authenticator_removed, authenticator_reset):
            signal.connect(notify_changes)
        for signal in (pre_save, pre_delete):
            signal.connect(mark_owner, sender=Authenticator)


def take_snapshot(sender, user, **kwargs):
    """Store the first snapshot of a new account. It has no authenticators yet."""
    AccountSnapshot.from_user(user, authenticators="").save(force_insert=True)


def mark_account(sender, user, previous_password, previous_email, **kwargs):
    """Mark the account, so that `reconcile` finds the change if no other code notifies the owner. The account is locked.

    An account that was created in bulk may have no snapshot yet. It gets one with the values from before the change.
    """
    if not AccountSnapshot.mark(user.pk):
        snapshot = AccountSnapshot.from_user(user)
        snapshot.password, snapshot.email = previous_password, previous_email or ""
        snapshot.marked_on = timezone.now()
        snapshot.save(force_insert=True)


def update_hash(sender, user, previous_password, **kwargs):
    """Store the new hash of the same password. A change that the owner wasn't notified of remains pending."""
    AccountSnapshot.objects.filter(pk=user.pk, password=previous_password).update(password=user.password)


def mark_owner(sender, instance, signal, **kwargs):
    """Mark the account before an authenticator is added or removed, in case this process dies before it notifies the owner."""
    if instance.pk is None or signal is pre_delete:
        AccountSnapshot.mark(instance.user_id)


def notify_changes(sender, request, user, **kwargs):
    """Notify the owner of the changes that allauth made."""
    snapshots.notify_changes(user, request)


def correct_future_times(sender, now, **kwargs):
    """Correct times in the future, which would delay a notification or extend a rate limit for days."""
    AccountSnapshot.objects.filter(marked_on__gt=now).update(marked_on=now)
    latest = now + rate_limits.longest_window()
    RateLimitCounter.objects.filter(ends_on__gt=latest).update(ends_on=latest)
