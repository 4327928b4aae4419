"""The outbox: tasks that try again, and mails that are sent once however often their task runs.

A task is a row in the same database as the change that asks for it. `django_tasks_db` runs it; what is added
here is patience: a mail server that is away for a while costs time, not mail.
"""

import logging
import random
from datetime import timedelta
from functools import wraps
from smtplib import SMTPAuthenticationError, SMTPRecipientsRefused, SMTPResponseException

from django.utils import timezone
from django_tasks import task

from accounts.models import Delivery
from accounts.models.mail import DeliveryClaimed

logger = logging.getLogger(__name__)

# How long to wait after each failure: about a day in all, then the job stays failed.
DELAYS = [timedelta(seconds=s) for s in (10, 60, 300, 1800, 2 * 3600, 6 * 3600, 15 * 3600)]


def patient_task(function):
    """Make `function` a task that is enqueued again, later, when it fails for a reason that may pass.

    Its arguments must be JSON. Each wait is lengthened by up to a fifth at random, so that many do not come
    back at once.
    """

    @wraps(function)
    def run(*args, attempt=1, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if attempt > len(DELAYS) or not may_pass(error):
                raise
            wait = DELAYS[attempt - 1] * random.uniform(1, 1.2)
            logger.warning(
                "%s failed, trying again in %s: %s", function.__name__, wait, error, exc_info=error
            )
            later = patient.using(run_after=timezone.now() + wait)
            later.enqueue(*args, attempt=attempt + 1, **kwargs)

    patient = task()(run)
    return patient


def may_pass(error):
    """Whether trying again later can help: the server is away, says 4xx, or does not know us; another worker is at it."""
    if isinstance(error, SMTPRecipientsRefused):
        return any(400 <= code < 500 for code, _reason in error.recipients.values())
    if isinstance(error, SMTPAuthenticationError):
        return True  # Whoever runs the site will mend the password.
    if isinstance(error, SMTPResponseException):
        return 400 <= error.smtp_code < 500 or error.smtp_code == -1
    return isinstance(error, OSError | DeliveryClaimed)


def send_once(message, *, recipient, kind, key):
    """Send `message` unless the mail of that kind and key has gone to `recipient` before.

    Returns whether it was sent now. Raises what the mail server raises, and DeliveryClaimed while another worker
    is sending it. A process killed between sending and noting it, a few milliseconds, sends it a second time.
    """
    delivery = Delivery.objects.claim(recipient=recipient, kind=kind, key=key)
    if delivery is None:
        return False
    # No transaction is open here: a slow mail server must not hold SQLite's only write lock.
    try:
        message.send()
    except Exception:
        delivery.release()
        raise
    delivery.mark_sent()
    return True
