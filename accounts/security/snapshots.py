"""Notifies owners of changes to how they log in, even if the process that made the change died right after it."""

from allauth.account.adapter import get_adapter
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.common.models import ScanPosition
from accounts.emails import outbox
from accounts.emails.models import OutboxHold
from accounts.security.devices import describe_browser
from accounts.security.models import AccountSnapshot

# How many marked accounts, and how many of all accounts, one run of `reconcile` compares.
RECONCILE_BATCH = 1000

# For each type of authenticator, what the email says when one was added or removed.
MFA_CHANGES = {
    "totp": (
        gettext_noop("An authenticator app was set up."),
        gettext_noop("The authenticator app was removed."),
    ),
    "webauthn": (gettext_noop("A passkey was added."), gettext_noop("A passkey was removed.")),
    "recovery_codes": (
        gettext_noop("Recovery codes were created."),
        gettext_noop("Recovery codes were removed."),
    ),
}


def notify_changes(user, request=None):
    """Email `user` about each difference between the account and its snapshot, and update the snapshot.

    Both happen in one transaction. If `request` made the change, the email says where it came from.
    """
    with transaction.atomic():
        # `user` may be outdated, so read it again under a lock. The user is locked first, as everywhere.
        fresh = get_user_model().objects.select_for_update(no_key=True).filter(pk=user.pk).first()
        snapshot = AccountSnapshot.objects.select_for_update().filter(pk=user.pk).first()
        if snapshot is None or fresh is None:
            return
        current = AccountSnapshot.from_user(fresh)
        current.version = snapshot.version + 1
        if _email_differences(fresh, snapshot, current, request_origin(request)):
            current.save(force_update=True, update_fields=["password", "email", "authenticators", "version"])


def reconcile():
    """Notify owners of changes for which no email was sent. Returns the number of these owners.

    The site's code marks an account before it changes it, so those changes are found within minutes. Other changes are found
    when the scan of all accounts reaches the account. While the outbox is held, this does nothing.
    """
    if OutboxHold.is_on():
        return 0
    now = timezone.now()
    due = AccountSnapshot.due(now, RECONCILE_BATCH)
    count = _notify_outdated(due)
    # If this process dies before this line, the next run compares the same accounts again.
    AccountSnapshot.unmark(due, now)
    next_keys = ScanPosition.next_keys("sweep", get_user_model().objects, RECONCILE_BATCH)
    AccountSnapshot.create_missing(next_keys)
    return count + _notify_outdated(next_keys)


def _notify_outdated(user_pks):
    users = get_user_model().objects.in_bulk(AccountSnapshot.outdated(user_pks))
    for user in users.values():
        notify_changes(user)
    return len(users)


def request_origin(request):
    """Return the time and, if `request` isn't None, the IP address and the browser, as arguments of a security email."""
    origin = {"when": timezone.now().isoformat()}
    if request is None:
        return origin
    return origin | {
        "ip": get_adapter().get_client_ip(request),
        "browser": describe_browser(request.META.get("HTTP_USER_AGENT", "")),
    }


def _email_differences(user, snapshot, current, origin):
    """Enqueue an email about each difference, and return whether there was any."""
    key = str(current.version)
    if snapshot.password != current.password:
        outbox.enqueue("password_changed", user, key, **origin)
    if snapshot.email != current.email and snapshot.email:
        # This goes to the previous address, because the new one may be an attacker's.
        outbox.enqueue("email_changed", user, key, address=snapshot.email, new=current.email, **origin)
    if changes := describe_mfa_changes(snapshot.authenticators, current.authenticators):
        outbox.enqueue("second_factor_changed", user, key, changes=changes, **origin)
    return (snapshot.password, snapshot.email, snapshot.authenticators) != (
        current.password,
        current.email,
        current.authenticators,
    )


def describe_mfa_changes(before, after):
    """Return untranslated sentences about the authenticators that were added and removed."""
    before, after = set(before.split()), set(after.split())
    added = {authenticator.partition(":")[0] for authenticator in after - before}
    removed = {authenticator.partition(":")[0] for authenticator in before - after}
    # Replacing recovery codes with new ones is one event.
    removed -= added & {"recovery_codes"}
    return [
        *(sentences[0] for kind, sentences in MFA_CHANGES.items() if kind in added),
        *(sentences[1] for kind, sentences in MFA_CHANGES.items() if kind in removed),
    ]
