from django.conf import settings


def paced(wait):
    """Return the timedelta `wait`, shortened as the setting OUTBOX_PACE says: trials cannot wait for hours."""
    return wait / getattr(settings, "OUTBOX_PACE", 1)
