"""The base of the invariant checks that `manage.py audit` runs while the site is in use.

Each app registers its checks in a module that its `AppConfig.ready()` imports, such as `accounts/audit.py`.
"""

import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction

# Seconds after which a violation is checked again. By then, a change that was in progress has finished.
PAUSE = 2
# How many violations are listed by name.
MAX_EXAMPLES = 5


class Check:
    """An invariant. Subclasses find violations in short reads, and some can fix them."""

    title = ""
    # How to repair violations. With `can_fix`, this describes what `fix()` does.
    remedy = ""
    can_fix = False

    def batches(self):
        """Yield pairs: the number of objects checked, and a list of the keys of those that are wrong."""
        raise NotImplementedError

    def still_wrong(self, keys):
        """Return a list of the `keys` that are still wrong."""
        raise NotImplementedError

    def describe(self, key):
        """Return the name of an object for the report."""
        return str(key)

    def fix(self, key):
        """Fix an object, which may have been fixed or deleted by now."""
        raise NotImplementedError


class RowCheck(Check):
    """Checks the rows of a queryset in the order of their primary keys."""

    batch = 1_000

    def rows(self):
        """Return the queryset of all rows to check."""
        raise NotImplementedError

    def wrong(self, rows):
        """Return a queryset of the wrong rows in `rows`, which is also a queryset."""
        raise NotImplementedError

    def wrong_keys(self, rows):
        """Return a list of the primary keys of the wrong rows in `rows`, a queryset."""
        return list(self.wrong(rows).values_list("pk", flat=True))

    def batches(self):
        rows = self.rows().order_by("pk")
        remaining = rows
        while True:
            with reading():
                keys = list(remaining.values_list("pk", flat=True)[: self.batch])
                wrong = self.wrong_keys(self.rows().filter(pk__gte=keys[0], pk__lte=keys[-1])) if keys else []
            yield len(keys), wrong
            if len(keys) < self.batch:
                return
            remaining = rows.filter(pk__gt=keys[-1])

    def still_wrong(self, keys):
        found = []
        for start in range(0, len(keys), self.batch):
            with reading():
                found += self.wrong_keys(self.rows().filter(pk__in=keys[start : start + self.batch]))
        return found

    def describe(self, key):
        return f"{self.rows().model._meta.label} {key}"

    def fix(self, key):
        row = self.rows().filter(pk=key).first()
        if row is not None:
            self.fix_row(row)

    def fix_row(self, row):
        """Fix `row`, a model instance."""
        raise NotImplementedError


@dataclass
class Outcome:
    """The result of a check. `wrong` lists the keys of objects that are still wrong at the end."""

    check: Check
    checked: int = 0
    wrong: list = field(default_factory=list)
    fixed: int = 0

    @property
    def examples(self):
        return [self.check.describe(key) for key in self.wrong[:MAX_EXAMPLES]]


_checks = []


def register(check_class):
    """Register a Check class. Its module must be imported in `AppConfig.ready()`."""
    _checks.append(check_class())
    return check_class


def all_checks():
    """Return every check, in the order of registration."""
    return list(_checks)


def run(check, *, fix=False):
    """Run a check and return the Outcome. With `fix`, fix what the check can fix."""
    outcome = Outcome(check)
    for checked, wrong in check.batches():
        outcome.checked += checked
        outcome.wrong += wrong
    if outcome.wrong:
        time.sleep(PAUSE)
        outcome.wrong = check.still_wrong(outcome.wrong)
    if fix and check.can_fix:
        for key in outcome.wrong:
            check.fix(key)
        found, outcome.wrong = outcome.wrong, check.still_wrong(outcome.wrong)
        outcome.fixed = len(found) - len(outcome.wrong)
    return outcome


@contextmanager
def reading():
    """Make the database read-only for a while. On PostgreSQL this is one transaction.

    On SQLite a transaction would take the only write lock, so each statement runs separately.
    """
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        connection.connection.execute("PRAGMA query_only = ON")
        try:
            yield
        finally:
            connection.connection.execute("PRAGMA query_only = OFF")
    else:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            yield
