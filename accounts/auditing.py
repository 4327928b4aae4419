"""What must always hold in the database, as checks that `manage.py audit` makes while the site runs.

An app registers its own in a module that its `AppConfig.ready()` imports; see accounts/audit.py.
"""

import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection, transaction

# A finding is reported if it is still there after so many seconds: a change that was under way is over by then.
PAUSE = 2
# So many findings are named one by one.
NAMED = 5


class Check:
    """One invariant. A subclass finds what violates it, in short reads, and may be able to repair that."""

    title = ""
    # What to do about findings; with `can_fix`, what `fix()` does.
    remedy = ""
    can_fix = False

    def batches(self):
        """Yield how many things were looked at, and a list of the keys of those that are wrong."""
        raise NotImplementedError

    def still_wrong(self, keys):
        """Return those of `keys` that are wrong now."""
        raise NotImplementedError

    def describe(self, key):
        """Return how to call the thing with that key in a report."""
        return str(key)

    def fix(self, key):
        """Repair the thing with that key. It may have been repaired or deleted meanwhile."""
        raise NotImplementedError


class RowCheck(Check):
    """Looks at the rows of a queryset in the order of their primary keys."""

    batch = 1_000

    def rows(self):
        """Return the queryset of all rows to look at."""
        raise NotImplementedError

    def wrong(self, rows):
        """Return those of `rows`, a queryset, that are wrong, as a queryset."""
        raise NotImplementedError

    def wrong_keys(self, rows):
        """Return the primary keys of those of `rows`, a queryset, that are wrong, as a list."""
        return list(self.wrong(rows).values_list("pk", flat=True))

    def batches(self):
        rows = self.rows().order_by("pk")
        begin = rows
        while True:
            with reading():
                keys = list(begin.values_list("pk", flat=True)[: self.batch])
                wrong = self.wrong_keys(self.rows().filter(pk__gte=keys[0], pk__lte=keys[-1])) if keys else []
            yield len(keys), wrong
            if len(keys) < self.batch:
                return
            begin = rows.filter(pk__gt=keys[-1])

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
        """Repair `row`, an object."""
        raise NotImplementedError


@dataclass
class Outcome:
    """What a check has found. `wrong` holds the keys of what is wrong at the end."""

    check: Check
    looked_at: int = 0
    wrong: list = field(default_factory=list)
    fixed: int = 0

    @property
    def examples(self):
        return [self.check.describe(key) for key in self.wrong[:NAMED]]


_checks = []


def register(check_class):
    """Make a Check known. To be imported in `AppConfig.ready()`."""
    _checks.append(check_class())
    return check_class


def all_checks():
    """Return every check, in the order of registration."""
    return list(_checks)


def run(check, *, fix=False):
    """Return the Outcome of a check. With `fix`, what it can repair is repaired."""
    outcome = Outcome(check)
    for looked_at, wrong in check.batches():
        outcome.looked_at += looked_at
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
    """Read, and be refused to write. On PostgreSQL that is a transaction, no longer than a batch.

    On SQLite a transaction would take the only write lock, so each statement is on its own.
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
