"""Measures quantities that must not grow: memory and open files of each process, database connections, and waiting jobs.

Samples are taken while the site is under load. Of every five samples, the lowest counts, because hashing a password briefly
needs 100 MB. Growth is measured over the calm part of the trial, when nothing fails. The first fifth of that part is left
out, because processes are still filling their caches. Growth is the slope of the least-squares line times the duration. Noise is
twice the scatter around that line, or the allowance for the quantity if that is higher.
"""

import os
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from statistics import linear_regression, pstdev

INTERVAL = 2.0
WARM_UP = 0.2
ALLOWANCE = {"MB": 6.0, "files": 6.0, "connections": 6.0, "jobs": 30.0}
MAX_MB = 200.0
LOWEST_OF = 5
MIN_POINTS = 10


@dataclass
class Series:
    """The samples of one quantity."""

    what: str
    unit: str
    samples: list

    @property
    def highest(self):
        return max(value for _time, value in self.samples)

    @property
    def last(self):
        return self.samples[-1][1]

    def growth(self):
        """Return (growth, noise), or None if there are too few samples."""
        samples = self.samples[int(len(self.samples) * WARM_UP) :]
        groups = [samples[n : n + LOWEST_OF] for n in range(0, len(samples), LOWEST_OF)]
        points = [(group[0][0], min(value for _time, value in group)) for group in groups]
        if len(points) < MIN_POINTS:
            return None
        times, values = zip(*points, strict=True)
        line = linear_regression(times, values)
        scatter = pstdev(value - (line.slope * time + line.intercept) for time, value in points)
        return line.slope * (times[-1] - times[0]), max(2 * scatter, ALLOWANCE[self.unit])


class Sampler(threading.Thread):
    def __init__(self, site, engine):
        super().__init__(daemon=True)
        self.site, self.engine = site, engine
        self.stopped = threading.Event()
        self.samples = defaultdict(list)

    def run(self):
        while not self.stopped.wait(INTERVAL):
            with suppress(Exception):  # The database is unavailable, or a process has just ended.
                self.sample()

    def stop(self):
        self.stopped.set()
        self.join(30)

    def sample(self):
        now = time.monotonic()
        for role, pids in self.site.processes().items():
            for pid in pids:
                self.samples[f"{role} {pid}", "MB"].append((now, memory_of(pid)))
                self.samples[f"{role} {pid}", "files"].append((now, len(os.listdir(f"/proc/{pid}/fd"))))
        if (connections := self.engine.connections()) is not None:
            self.samples["database", "connections"].append((now, connections))
        ((jobs,),) = self.engine.rows(
            "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status IN ('READY', 'RUNNING')"
        )
        self.samples["waiting", "jobs"].append((now, jobs))

    def since(self, start):
        """Return a Series of the samples since `start` for each quantity that has any."""
        found = []
        for (what, unit), samples in list(self.samples.items()):
            later = [sample for sample in samples if sample[0] >= start]
            if later:
                found.append(Series(what, unit, later))
        return found


def memory_of(pid):
    """Return the resident megabytes of a process."""
    with open(f"/proc/{pid}/status") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    return int(lines["VmRSS"].split()[0]) / 1024
