"""Letting candidates take turns, and saying how long each took against the floor."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median, quantiles

from django.db import connection
from django.test.utils import CaptureQueriesContext

# What the floor's spread may be before nothing can be said: its 95th percentile over its median.
NOISY = 5
# What a slow candidate may take in all before it is left out of later rounds, so that it does not starve the others.
SECONDS_EACH = 2


class WrongAnswer(Exception):
    """A candidate gives another page than the definition: its time means nothing."""


@dataclass(frozen=True)
class Candidate:
    """`run` returns what must equal `expected`; `floor` is the name of the candidate that it is compared with."""

    strategy: str
    run: Callable
    floor: str
    expected: object = None


@dataclass(frozen=True)
class Result:
    """One row of a report. Times are in milliseconds; `ratio` is None where the floor was too noisy to judge.

    `queries` is None where they are another process's.
    """

    strategy: str
    engine: str
    posts: int
    reader: str
    page: int
    p50: float
    p95: float
    samples: int
    queries: int | None
    ratio: float | None

    as_dict = asdict


def compare(candidates, rounds, **where):
    """Return a Result for each of the candidates; `where` says about which engine, posts, reader and page.

    Raises WrongAnswer before anything is measured.
    """
    queries = {candidate.strategy: check(candidate) for candidate in candidates}
    times = take_turns({candidate.strategy: candidate.run for candidate in candidates}, rounds)
    return [as_result(candidate, times, queries, where) for candidate in candidates]


def check(candidate):
    """Return how many queries the candidate makes, the second time that it is asked."""
    for _time in range(2):
        with CaptureQueriesContext(connection) as captured:
            answer = candidate.run()
        if candidate.expected is not None and answer != candidate.expected:
            raise WrongAnswer(
                f"{candidate.strategy} gives another page than the definition. Nothing was measured."
            )
    return len(captured)


def take_turns(runs, rounds):
    """Return name to the seconds that each of `runs` took."""
    times = {name: [] for name in runs}
    for _round in range(rounds):
        for name, run in runs.items():
            if sum(times[name]) < SECONDS_EACH or len(times[name]) < 5:
                start = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - start)
    return times


def as_result(candidate, times, queries, where):
    taken = times[candidate.strategy]
    return Result(
        strategy=candidate.strategy,
        p50=median(taken) * 1000,
        p95=high(taken) * 1000,
        samples=len(taken),
        queries=queries[candidate.strategy],
        ratio=ratio(taken, times[candidate.floor]),
        **where,
    )


def ratio(taken, floor):
    """How many times as long as the floor, or None if the floor is too noisy to judge."""
    return None if high(floor) > NOISY * median(floor) else median(taken) / median(floor)


def high(taken):
    """The 95th percentile."""
    return quantiles(taken, n=20)[-1]
