"""Telling people what changed about how their account is entered, whoever changed it and whatever dies meanwhile."""

from allauth.account.adapter import get_adapter
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.devices import describe_browser
from accounts.emails import outbox
from accounts.models import OutboxHold, ScanPosition, ToldState

# As many of those who were marked, and of all others, as one run of the sweep looks at; the rest waits for the next.
SWEPT = 1000

# What happened to a second factor, by its kind: when it came, when it went.
FACTOR_WORDS = {
    "totp": (
        gettext_noop("An authenticator app was set up."),
        gettext_noop("An authenticator app was removed."),
    ),
    "webauthn": (gettext_noop("A passkey was added."), gettext_noop("A passkey was removed.")),
    "recovery_codes": (
        gettext_noop("Recovery codes were made."),
        gettext_noop("Recovery codes were removed."),
    ),
}


def tell_changes(user, request=None):
    """Mail `user` what differs between their account and what they were told, and take it as told: in one transaction.

    With the request that made the change the mail says where it came from.
    """
    with transaction.atomic():
        # Read now, under locks: what `user` holds may be older. First the member, as whatever changes both does.
        fresh = get_user_model().objects.select_for_update(no_key=True).filter(pk=user.pk).first()
        told = ToldState.objects.select_for_update().filter(pk=user.pk).first()
        if told is None or fresh is None:
            return
        now = ToldState.now_of(fresh)
        now.changes = told.changes + 1
        if _mail_differences(fresh, told, now, origin_of(request)):
            now.save(force_update=True, update_fields=["password", "email", "factors", "changes"])


def sweep():
    """Tell of changes that nobody was told of: those that were marked, and any of the next members. Returns how many people were.

    Marks tell soon of what was changed by the site's own code. What was changed by other means, which mark nothing, is found in
    so many runs as it takes to look at everybody. While the outbox is held nobody is told.
    """
    if OutboxHold.is_on():
        return 0
    now = timezone.now()
    due = ToldState.due(now, SWEPT)
    told = _tell_those_who_differ(due)
    # Only now: should this process die before, the next sweep looks at them again.
    ToldState.unmark(due, now)
    next_keys = ScanPosition.next_keys("sweep", get_user_model().objects, SWEPT)
    ToldState.remember_missing(next_keys)
    return told + _tell_those_who_differ(next_keys)


def _tell_those_who_differ(user_pks):
    people = get_user_model().objects.in_bulk(ToldState.different(user_pks))
    for user in people.values():
        tell_changes(user)
    return len(people)


def origin_of(request):
    """When, from which address and with which browser, as far as it is known."""
    facts = {"when": timezone.now().isoformat()}
    if request is None:
        return facts
    return facts | {
        "ip": get_adapter().get_client_ip(request),
        "browser": describe_browser(request.META.get("HTTP_USER_AGENT", "")),
    }


def _mail_differences(user, told, now, origin):
    """Enqueue a mail for each thing that differs. Returns whether anything did."""
    key = str(now.changes)
    if told.password != now.password:
        outbox.mail("password_changed", user, key, **origin)
    if told.email != now.email and told.email:
        # To where the owner read so far: the new address may be a thief's.
        outbox.mail("email_changed", user, key, address=told.email, new=now.email, **origin)
    if words := factor_changes(told.factors, now.factors):
        outbox.mail("second_factor_changed", user, key, words=words, **origin)
    return (told.password, told.email, told.factors) != (now.password, now.email, now.factors)


def factor_changes(before, after):
    """Return what happened between two states of the second factors, as sentences to be translated."""
    before, after = set(before.split()), set(after.split())
    came = {factor.partition(":")[0] for factor in after - before}
    went = {factor.partition(":")[0] for factor in before - after}
    # New recovery codes take the place of old ones: that is one event.
    went -= came & {"recovery_codes"}
    known = FACTOR_WORDS.items()
    return [words[0] for kind, words in known if kind in came] + [
        words[1] for kind, words in known if kind in went
    ]
