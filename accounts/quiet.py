"""For requests that nobody has sent: those of measurements."""

import logging
from contextlib import contextmanager


@contextmanager
def without_request_log():
    """Keep the lines about single requests out of the log. What goes wrong is still said."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)
