"""Records which writes the site has acknowledged.

A write that was acknowledged must be in the database. A rejected write must not be there. If the response was an error or
was lost, the write may or may not be there.
"""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass

# How many seconds the site may continue to process a request after its client has given up.
STRAGGLING = 60


@dataclass
class Write:
    key: tuple
    value: object
    began: float
    acknowledged: float | None = None


class Ledger:
    """The writes to each key. Each key has one writer, so its writes have an order."""

    def __init__(self):
        self.lock = threading.Lock()
        self.writes = defaultdict(list)

    def begin(self, values):
        """Record that each key of the dict `values` is about to be set to its value. Return the list of Writes."""
        writes = [Write(key, value, time.monotonic()) for key, value in values.items()]
        with self.lock:
            for write in writes:
                self.writes[write.key].append(write)
        return writes

    def acknowledge(self, writes):
        """Record that the site has acknowledged these writes."""
        for write in writes:
            write.acknowledged = time.monotonic()

    def withdraw(self, writes):
        """Record that the site has rejected these writes."""
        with self.lock:
            for write in writes:
                self.writes[write.key].remove(write)

    def keys(self, kind):
        with self.lock:
            return [key for key in self.writes if key[0] == kind]

    def allowed(self, key, since=None, until=None):
        """Return the values that `key` may have in the database at some time between `since` and `until` (by default, now).

        If no write was acknowledged, they include None, which means that the key doesn't exist.
        """
        now = time.monotonic()
        since, until = now if since is None else since, now if until is None else until
        with self.lock:
            writes = [write for write in self.writes[key] if write.began <= until]
        acknowledged = [write for write in writes if write.acknowledged and write.acknowledged <= since]
        last = acknowledged[-1] if acknowledged else None
        begin = last.began - STRAGGLING if last else 0
        uncertain = {
            write.value
            for write in writes
            if write.began >= begin and not (write.acknowledged and write.acknowledged <= since)
        }
        return uncertain | {last.value if last else None}

    def acknowledged(self):
        """Return how many writes the site has acknowledged."""
        with self.lock:
            return sum(bool(write.acknowledged) for writes in self.writes.values() for write in writes)
