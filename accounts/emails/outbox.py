"""The outbox: a mail is a row and a job, stored with the change that asks for it, and sent once.

The jobs are tried again by `accounts.models.Job`. A process killed between the mail server's yes and the note of it,
a few milliseconds, sends the mail a second time, with the same Message-ID; nothing can be lost.
"""

from smtplib import SMTPRecipientsRefused
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import get_random_string

from accounts.addresses import canonical_email
from accounts.emails import kinds, letters
from accounts.emails.kinds import When
from accounts.jobs import registry
from accounts.jobs.registry import task
from accounts.jobs.trouble import answer_of, is_no_address
from accounts.models import Delivery, MailPreference, RefusedAddress
from accounts.models.job import ArgumentMismatch

State = Delivery.State


def mail(kind, recipient, key, *, address="", **arguments):
    """Enqueue the mail of the kind of that name to `recipient`, at `address` if that is not their own.

    To be called in the transaction of the change; `arguments` are JSON, for the kind's `content()`. Returns the
    Delivery, or None if that mail, by its `key`, was enqueued before.
    """
    with transaction.atomic():
        delivery, created = Delivery.objects.get_or_create(
            recipient=recipient, kind=kind, key=key, defaults={"address": address}
        )
        if created:
            deliver.enqueue(delivery.pk, arguments)
    return delivery if created else None


def mail_rendered(kind, address, subject, text, html, *, from_email=None, headers=None):
    """Enqueue a mail that was composed in a request, as it holds what must not be stored: allauth's links and codes."""
    with transaction.atomic():
        delivery = Delivery.objects.create(kind=kind, key=get_random_string(22), address=address)
        deliver_rendered.enqueue(delivery.pk, subject, text, html, from_email, headers or {})


# Somebody sits and waits for the mails that they asked for; then come the others, then all the rest.
@task("emails.deliver", formerly=["accounts.emails.outbox.deliver", "accounts.outbox.deliver"], priority=10)
def deliver(delivery_id, arguments):
    """Compose a mail and send it, unless it was sent, is unwanted by now, or there is nothing to tell any more."""
    delivery = Delivery.objects.select_related("recipient").filter(pk=delivery_id).first()
    if delivery is None or delivery.is_over:
        return
    kind = kinds.get(delivery.kind)
    if kind is None:
        delivery.end(State.SKIPPED, "This site no longer has this kind of email.")
        return
    if reason := why_not(delivery, kind):
        delivery.end(State.SKIPPED, reason)
        return
    content = kind.content(delivery.recipient, **arguments)
    if content is None:
        delivery.end(State.SKIPPED, "Nothing to tell.")
    else:
        send(delivery, letters.letter(kind, delivery.recipient, content, address=delivery.address))


@task(
    "emails.deliver_rendered",
    formerly=["accounts.emails.outbox.deliver_rendered", "accounts.outbox.deliver_rendered"],
    priority=50,
)
def deliver_rendered(delivery_id, subject, text, html, from_email, headers):
    """Send a mail that was composed in a request. Somebody asked for it, so a refused address is tried again."""
    delivery = Delivery.objects.filter(pk=delivery_id).first()
    if delivery is not None and not delivery.is_over:
        mail = letters.message(subject, text, html, delivery.address, headers=headers, from_email=from_email)
        send(delivery, mail)


def why_not(delivery, kind):
    """Return why the mail must not be sent now, or nothing."""
    recipient = delivery.recipient
    if recipient.suspended_on:
        return "Suspended."
    if not delivery.address and not recipient.can_be_mailed():
        return "No confirmed address."
    if kind.is_optional and MailPreference.of(recipient, kind) == When.NEVER:
        return "Unwanted."
    if RefusedAddress.of(delivery.address or recipient.email).exists():
        return "The address was refused before."
    return ""


def send(delivery, message):
    """Hand `message` to the mail server and note what it says. Raises what may pass, and what is wrong with us."""
    message.extra_headers["Message-ID"] = f"<{delivery.kind}.{delivery.pk}@{_host()}>"
    delivery.begin()
    try:
        # Django would send to a host with ß at another domain. An old row, or the mail of an old job, may have one.
        message.to = [canonical_email(message.to[0])]
    except ValidationError as error:
        _end_as_refused(delivery, message.to[0], " ".join(error.messages))
        return
    # No transaction is open here: a slow mail server must not hold SQLite's only write lock.
    try:
        message.send()
    except SMTPRecipientsRefused as error:
        _refused(delivery, message.to[0], error)
    except Exception as error:
        delivery.note(answer_of(error))
        raise
    else:
        delivery.end(State.SENT)
        RefusedAddress.of(message.to[0]).delete()


def delivery_of(job):
    """Return the primary key of the Delivery that `job` is to send, or None.

    Tasks that send one have names that begin with "emails.deliver" and take its key first, so that a release finds it for
    a job of a newer one, too.
    """
    name = registry.former_names().get(job.task_path, job.task_path) or ""
    try:
        args, _kwargs = job.arguments
    except ArgumentMismatch:
        args = []
    is_key = bool(args) and isinstance(args[0], int)
    return args[0] if name.startswith("emails.deliver") and is_key else None


def give_up(delivery_id):
    """Note that the job of a mail has failed for good."""
    Delivery.objects.filter(pk=delivery_id, state=State.WAITING).update(state=State.FAILED)


def _refused(delivery, address, error):
    answer = answer_of(error)
    if not is_no_address(error):
        delivery.note(answer)
        raise error
    _end_as_refused(delivery, address, answer)


def _end_as_refused(delivery, address, answer):
    with transaction.atomic():
        RefusedAddress.remember(address, answer)
        delivery.end(State.REFUSED, answer)


def _host():
    return urlsplit(settings.SITE_URL).hostname
