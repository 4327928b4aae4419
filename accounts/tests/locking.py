"""For tests of locks: what another connection sees while a transaction is under way. Nothing here waits."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

needs_row_locks = pytest.mark.skipif(
    not connection.features.has_select_for_update, reason="SQLite has one lock for the whole database."
)


def elsewhere(function):
    """Return what `function` returns on a connection of its own."""

    def run():
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=60)


def is_locked(rows):
    """Whether another connection would have to wait for any of `rows`, a queryset."""

    def ask():
        try:
            with transaction.atomic():
                assert list(rows.all().select_for_update(nowait=True)), "There is no such row."
        except OperationalError:
            return True
        return False

    return elsewhere(ask)


def checked_during(monkeypatch, owner, name, rows):
    """Have the method `name` of `owner` note whether `rows` are locked when it begins. Returns the list of what it notes."""
    noted, original = [], getattr(owner, name)

    def check(*args, **kwargs):
        noted.append(is_locked(rows))
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, check)
    return noted
