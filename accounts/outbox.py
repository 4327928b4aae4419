"""The outbox: mails that are sent once however often their job runs. `accounts.models.Job` tries again."""

from accounts.models import Delivery


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
