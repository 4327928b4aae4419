"""The outbox: an email is a Delivery and a job, stored together with the change that causes it.

`enqueue()` stores both, and the job sends the email. The queue retries failed jobs. If the process is killed within the few
milliseconds between the mail server's reply and storing it, the email is sent twice, with the same Message-ID. No email is
lost.
"""

from smtplib import SMTPRecipientsRefused
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import get_random_string

from accounts.common.addresses import canonical_email
from accounts.common.app_settings import app_settings
from accounts.emails import rendering, types
from accounts.emails.models import Delivery, SuppressedAddress
from accounts.emails.smtp import is_hard_bounce, server_reply
from accounts.jobs import registry
from accounts.jobs.models import ArgumentMismatch
from accounts.jobs.registry import task

State = Delivery.State


def enqueue(type_name, recipient, key, *, address="", **arguments):
    """Enqueue the email of that type to `recipient`, at `address` if it isn't their current one.

    Call it in the transaction of the change. The `arguments` are JSON for `EmailType.content()`. Returns the Delivery, or
    None if an email with this `key` was enqueued before.
    """
    with transaction.atomic():
        delivery, created = Delivery.objects.get_or_create(
            recipient=recipient, type=type_name, key=key, defaults={"address": address}
        )
        if created:
            deliver.enqueue(delivery.pk, arguments)
    return delivery if created else None


def enqueue_rendered(type_name, address, subject, text, html, *, from_email=None, headers=None):
    """Enqueue an email that was rendered in a request. allauth's emails contain links and codes that are only available there."""
    with transaction.atomic():
        delivery = Delivery.objects.create(type=type_name, key=get_random_string(22), address=address)
        deliver_rendered.enqueue(delivery.pk, subject, text, html, from_email, headers or {})


# Emails that someone requested and is waiting for come first, then all other emails, then all other jobs.
@task("emails.deliver", formerly=["accounts.emails.outbox.deliver", "accounts.outbox.deliver"], priority=10)
def deliver(delivery_id, arguments):
    """Render an email and send it, unless it was sent before, is no longer wanted, or is out of date."""
    delivery = Delivery.objects.select_related("recipient").filter(pk=delivery_id).first()
    if delivery is None or delivery.is_finished:
        return
    email_type = types.get(delivery.type)
    if email_type is None:
        delivery.finish(State.SKIPPED, "This site no longer has this kind of email.")
        return
    if reason := skip_reason(delivery, email_type):
        delivery.finish(State.SKIPPED, reason)
        return
    content = email_type.content(delivery.recipient, **arguments)
    if content is None:
        delivery.finish(State.SKIPPED, "Out of date.")
    else:
        send(
            delivery,
            rendering.build_email(email_type, delivery.recipient, content, address=delivery.address),
        )


@task(
    "emails.deliver_rendered",
    formerly=["accounts.emails.outbox.deliver_rendered", "accounts.outbox.deliver_rendered"],
    priority=50,
)
def deliver_rendered(delivery_id, subject, text, html, from_email, headers):
    """Send an email that was rendered in a request. Someone requested it, so a suppressed address is tried again."""
    delivery = Delivery.objects.filter(pk=delivery_id).first()
    if delivery is not None and not delivery.is_finished:
        message = rendering.build_message(
            subject, text, html, delivery.address, headers=headers, from_email=from_email
        )
        send(delivery, message)


def skip_reason(delivery, email_type):
    """Return why the email must not be sent now, or an empty string."""
    recipient = delivery.recipient
    if recipient.suspended_on and not email_type.reaches_suspended:
        return "The recipient is suspended."
    if recipient.pending_since and not email_type.reaches_pending:
        return "The recipient waits for approval."
    if not delivery.address and not recipient.has_confirmed_address():
        return "The recipient has no confirmed address."
    if reason := email_type.skip_reason(recipient):
        return reason
    if SuppressedAddress.matching(delivery.address or recipient.email).exists():
        return "The address is suppressed."
    return ""


def send(delivery, message):
    """Send `message` and record the outcome, such as a hard bounce. Raises temporary SMTP errors and our own errors."""
    message.extra_headers["Message-ID"] = f"<{delivery.type}.{delivery.pk}@{_host()}>"
    delivery.count_attempt()
    try:
        # For a host with ß, Django would send to another domain. Old rows and jobs may hold such an address.
        message.to = [canonical_email(message.to[0])]
    except ValidationError as error:
        _finish_as_refused(delivery, message.to[0], " ".join(error.messages))
        return
    # No transaction is open here: a slow mail server must not hold SQLite's only write lock.
    try:
        message.send()
    except SMTPRecipientsRefused as error:
        _handle_refusal(delivery, message.to[0], error)
    except Exception as error:
        delivery.record_reply(server_reply(error))
        raise
    else:
        delivery.finish(State.SENT)
        SuppressedAddress.matching(message.to[0]).delete()


def delivery_of(job):
    """Return the primary key of the Delivery that `job` sends, or None.

    The names of tasks that send an email begin with "emails.deliver", and their first argument is this key. Therefore, a
    release also recognises such jobs from a newer release.
    """
    name = registry.former_names().get(job.task_path, job.task_path) or ""
    try:
        args, _kwargs = job.arguments
    except ArgumentMismatch:
        args = []
    is_key = bool(args) and isinstance(args[0], int)
    return args[0] if name.startswith("emails.deliver") and is_key else None


def mark_failed(delivery_id):
    """Record that the job of a waiting email has failed for good."""
    Delivery.objects.filter(pk=delivery_id, state=State.WAITING).update(state=State.FAILED)


def _handle_refusal(delivery, address, error):
    reply = server_reply(error)
    if not is_hard_bounce(error):
        delivery.record_reply(reply)
        raise error
    _finish_as_refused(delivery, address, reply)


def _finish_as_refused(delivery, address, reply):
    with transaction.atomic():
        SuppressedAddress.suppress(address, reply)
        delivery.finish(State.REFUSED, reply)


def _host():
    return urlsplit(app_settings.SITE_URL).hostname
