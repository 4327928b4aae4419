"""What must not grow: memory and open files of each process, connections to the database, jobs that wait.

Sampled while the site is under load. What counts is the lowest of five samples: hashing a password takes 100 MB for a
moment. Growth is judged over the calm part of the trial, in which nothing fails, and after its first fifth, in which
processes fill their caches: it is the slope of the least-squares line times the span. Noise is twice the scatter around
that line, and never less than an allowance for each quantity.
"""

import os
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from statistics import linear_regression, pstdev

EVERY = 2.0
WARM_UP = 0.2
ALLOWANCE = {"MB": 6.0, "files": 6.0, "connections": 6.0, "jobs": 30.0}
MOST_MB = 200.0
LOWEST_OF = 5
FEWEST_POINTS = 10


@dataclass
class Series:
    """The samples of one quantity."""

    what: str
    unit: str
    samples: list

    @property
    def highest(self):
        return max(value for _moment, value in self.samples)

    @property
    def last(self):
        return self.samples[-1][1]

    def growth(self):
        """Return (growth, noise), or None if there are too few samples to tell."""
        samples = self.samples[int(len(self.samples) * WARM_UP) :]
        groups = [samples[n : n + LOWEST_OF] for n in range(0, len(samples), LOWEST_OF)]
        points = [(group[0][0], min(value for _moment, value in group)) for group in groups]
        if len(points) < FEWEST_POINTS:
            return None
        moments, values = zip(*points, strict=True)
        line = linear_regression(moments, values)
        scatter = pstdev(value - (line.slope * moment + line.intercept) for moment, value in points)
        return line.slope * (moments[-1] - moments[0]), max(2 * scatter, ALLOWANCE[self.unit])


class Sampler(threading.Thread):
    def __init__(self, site, engine):
        super().__init__(daemon=True)
        self.site, self.engine = site, engine
        self.over = threading.Event()
        self.samples = defaultdict(list)

    def run(self):
        while not self.over.wait(EVERY):
            with suppress(Exception):  # The database is away, or a process has just ended.
                self.sample()

    def stop(self):
        self.over.set()
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

    def since(self, moment):
        """Return the Series of what was sampled since then, of what still could be at the end."""
        found = []
        for (what, unit), samples in list(self.samples.items()):
            later = [sample for sample in samples if sample[0] >= moment]
            if later:
                found.append(Series(what, unit, later))
        return found


def memory_of(pid):
    """Return the resident megabytes of a process."""
    with open(f"/proc/{pid}/status") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    return int(lines["VmRSS"].split()[0]) / 1024
