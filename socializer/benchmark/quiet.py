"""Logging settings for the requests of benchmarks."""

import logging
from contextlib import contextmanager


@contextmanager
def without_request_log():
    """Don't log successful requests. Warnings and errors are still logged."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)
