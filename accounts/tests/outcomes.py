"""A database that fails at a chosen write, and a snapshot of its content."""

from contextlib import contextmanager

from django.apps import apps
from django.db import OperationalError, connection

WRITES = ("INSERT", "UPDATE", "DELETE")
# These count failed attempts, too, so they may change even if a request fails.
COUNTERS = ("limit",)


class Database:
    """Counts writes within `watched()`, and makes the write with the number `fail_at` fail."""

    def __init__(self, fail_at=None):
        self.fail_at, self.writes = fail_at, 0

    @contextmanager
    def watched(self):
        with connection.execute_wrapper(self._execute):
            yield self

    def _execute(self, execute, sql, params, many, context):
        if sql.lstrip().upper().startswith(WRITES) and not any(word in sql for word in COUNTERS):
            self.writes += 1
            if self.writes == self.fail_at:
                raise OperationalError("database or disk is full")
        return execute(sql, params, many, context)


def content():
    """Return all rows of all tables except counters."""
    models = apps.get_models(include_auto_created=True)
    return {
        model._meta.db_table: sorted(map(repr, model._base_manager.values_list()))
        for model in models
        if model._meta.managed
        and not model._meta.proxy
        and not any(w in model._meta.db_table for w in COUNTERS)
    }
