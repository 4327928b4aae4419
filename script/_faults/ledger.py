"""What the site has promised to keep.

A write that was answered with a success must be there; one that was refused in so many words must not count; one whose
answer was lost or an error may or may not be there.
"""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass

# A request whose client has given up may still be carried out.
STRAGGLING = 60


@dataclass
class Write:
    key: tuple
    value: object
    began: float
    acknowledged: float | None = None


class Ledger:
    """The writes to each key. A key has one writer, so that its writes follow one another."""

    def __init__(self):
        self.lock = threading.Lock()
        self.writes = defaultdict(list)

    def begin(self, values):
        """Note that each key of `values` is about to get its value. Returns the list of Writes."""
        writes = [Write(key, value, time.monotonic()) for key, value in values.items()]
        with self.lock:
            for write in writes:
                self.writes[write.key].append(write)
        return writes

    def acknowledge(self, writes):
        """Note that the site has said that these are stored."""
        for write in writes:
            write.acknowledged = time.monotonic()

    def withdraw(self, writes):
        """Note that the site has said that these are not stored, and why."""
        with self.lock:
            for write in writes:
                self.writes[write.key].remove(write)

    def keys(self, kind):
        with self.lock:
            return [key for key in self.writes if key[0] == kind]

    def allowed(self, key, since=None, until=None):
        """Return the values that `key` may have in a state of the database between two moments, without them: now.

        What was never acknowledged may have the value None: nothing of it is there.
        """
        now = time.monotonic()
        since, until = now if since is None else since, now if until is None else until
        with self.lock:
            writes = [write for write in self.writes[key] if write.began <= until]
        promised = [write for write in writes if write.acknowledged and write.acknowledged <= since]
        last = promised[-1] if promised else None
        begin = last.began - STRAGGLING if last else 0
        uncertain = {
            write.value
            for write in writes
            if write.began >= begin and not (write.acknowledged and write.acknowledged <= since)
        }
        return uncertain | {last.value if last else None}

    def acknowledged(self):
        """How many writes the site has acknowledged."""
        with self.lock:
            return sum(bool(write.acknowledged) for writes in self.writes.values() for write in writes)
