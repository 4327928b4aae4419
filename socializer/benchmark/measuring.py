"""Measures candidates in turn and compares each with the floor, which is the fastest possible query."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median, quantiles

from django.db import connection
from django.test.utils import CaptureQueriesContext

# If the floor's 95th percentile is more than this many times its median, the run is too noisy to judge.
NOISY = 5
# A candidate that has taken this many seconds in total is left out of later rounds, so that it doesn't delay the others.
SECONDS_EACH = 2


class WrongAnswer(Exception):
    """A candidate returned a page that differs from the definition of the timeline, so its time is meaningless."""


@dataclass(frozen=True)
class Candidate:
    """`run` must return `expected`, unless that is None. `floor` is the strategy to which this candidate is compared."""

    strategy: str
    run: Callable
    floor: str
    expected: object = None


@dataclass(frozen=True)
class Result:
    """One row of a report. Times are in milliseconds. `ratio` is None if the floor was too noisy to judge.

    `queries` is None if another process runs the queries.
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
    """Return a Result for each candidate. `where` contains the engine, posts, reader and page.

    Raises WrongAnswer before anything is measured.
    """
    queries = {candidate.strategy: check(candidate) for candidate in candidates}
    times = take_turns({candidate.strategy: candidate.run for candidate in candidates}, rounds)
    return [as_result(candidate, times, queries, where) for candidate in candidates]


def check(candidate):
    """Return how many queries the candidate makes when it runs a second time. Raises WrongAnswer."""
    for _time in range(2):
        with CaptureQueriesContext(connection) as captured:
            result = candidate.run()
        if candidate.expected is not None and result != candidate.expected:
            raise WrongAnswer(
                f"{candidate.strategy} returned a different page from the definition. Nothing was measured."
            )
    return len(captured)


def take_turns(runs, rounds):
    """Return a dict from the name of each of `runs` to a list of the seconds it took."""
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
    """Return the time as a multiple of the floor's, or None if the floor is too noisy to judge."""
    return None if high(floor) > NOISY * median(floor) else median(taken) / median(floor)


def high(taken):
    """Return the 95th percentile."""
    return quantiles(taken, n=20)[-1]
