"""Helpers for tests of locks: act on a second connection while a transaction is open."""

import time
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

import pytest
from django.db import OperationalError, connection, transaction

needs_row_locks = pytest.mark.skipif(
    not connection.features.has_select_for_update, reason="SQLite has one lock for the whole database."
)


def elsewhere(function):
    """Call `function` on another connection, and return its result."""

    def run():
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=60)


def is_locked(rows):
    """Return whether another connection would have to wait for any of `rows`, a queryset."""

    def ask():
        try:
            with transaction.atomic():
                assert list(rows.all().select_for_update(nowait=True)), "There is no such row."
        except OperationalError:
            return True
        return False

    return elsewhere(ask)


def checked_during(monkeypatch, owner, name, rows):
    """Patch the method `name` of `owner` to record whether `rows` are locked when it starts. Return the list of these booleans."""
    noted, original = [], getattr(owner, name)

    def check(*args, **kwargs):
        noted.append(is_locked(rows))
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, check)
    return noted


def begin(function):
    """Start `function` on another connection. Return its Future as soon as it is done or waits for a lock.

    Call it in a transaction to test what another member does while that is open.
    """
    pool, started = ThreadPoolExecutor(1), Queue()

    def run():
        try:
            connection.ensure_connection()
            started.put(connection.connection.info.backend_pid)
            return function()
        finally:
            connection.close()

    future = pool.submit(run)
    pool.shutdown(wait=False)
    backend, deadline = started.get(timeout=60), time.monotonic() + 60
    while not future.done() and not _waits_for_a_lock(backend):
        assert time.monotonic() < deadline, "It neither ends nor waits."
        time.sleep(0.005)
    return future


def _waits_for_a_lock(backend):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", [backend])
        return cursor.fetchone() is not None
