"""SQLite connections that observe the request's deadline."""

import sqlite3
from math import ceil

from accounts.common import deadlines

# The deadline is checked each time a statement has run this many steps of SQLite's virtual machine, many times a second.
STEPS = 1_000_000


class Connection(sqlite3.Connection):
    """A connection whose statements fail at the deadline, whether they wait for a lock or are slow.

    `timeout` is how many seconds a statement waits for a lock if there is no deadline.
    """

    def __init__(self, *args, timeout=5, **kwargs):
        super().__init__(*args, timeout=timeout, **kwargs)
        self.timeout = self.busy_seconds = timeout
        self.set_progress_handler(deadlines.has_passed, STEPS)

    def cursor(self, *args, **kwargs):
        # Django opens a new cursor for each statement.
        seconds = max(0, ceil(min(deadlines.remaining(), self.timeout)))
        if seconds != self.busy_seconds:
            self.busy_seconds = seconds
            super().cursor().execute(f"PRAGMA busy_timeout = {1000 * seconds}")
        return super().cursor(*args, **kwargs)
