"""SQLite connections that observe the request's deadline."""

import sqlite3
from math import ceil

from accounts import deadlines

# A slow statement looks at the clock each time it has done so many steps of SQLite's virtual machine: many times a second.
STEPS = 1_000_000


class Connection(sqlite3.Connection):
    """A connection whose statements fail at the deadline: those that wait for a lock, and those that are slow.

    `timeout` is how long each waits for a lock where there is no deadline, in seconds.
    """

    def __init__(self, *args, timeout=5, **kwargs):
        super().__init__(*args, timeout=timeout, **kwargs)
        self.timeout = self.busy_seconds = timeout
        self.set_progress_handler(deadlines.has_passed, STEPS)

    def cursor(self, *args, **kwargs):
        # Each of Django's statements has a cursor of its own.
        seconds = max(0, ceil(min(deadlines.remaining(), self.timeout)))
        if seconds != self.busy_seconds:
            self.busy_seconds = seconds
            super().cursor().execute(f"PRAGMA busy_timeout = {1000 * seconds}")
        return super().cursor(*args, **kwargs)
