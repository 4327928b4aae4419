"""The judge of script/soak-faults: what it must find, and what it must allow. CI runs the trial itself."""

import sys
import time
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest

# It uses no database, or one of its own, so testing it on one engine is enough.
pytestmark = pytest.mark.any_engine

SCRIPT = Path(__file__).resolve().parents[2] / "script"
KEY = ("bio", "ada")


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(SCRIPT), *sys.path])


@pytest.fixture
def ledger():
    from _faults.ledger import Ledger

    return Ledger()


def write(ledger, values, response="stored"):
    writes = ledger.begin(values)
    if response == "stored":
        ledger.acknowledge(writes)
    elif response == "refused":
        ledger.withdraw(writes)


def test_only_the_last_acknowledged_value_is_allowed(ledger):
    write(ledger, {KEY: "first"})
    write(ledger, {KEY: "second"})
    assert ledger.allowed(KEY) == {"second"}


def test_a_write_that_was_never_acknowledged_may_be_missing(ledger):
    assert ledger.allowed(KEY) == {None}
    write(ledger, {KEY: "first"}, response="lost")
    assert ledger.allowed(KEY) == {None, "first"}


def test_a_write_with_a_lost_response_may_be_there_or_not(ledger):
    write(ledger, {KEY: "first"})
    write(ledger, {KEY: "second"}, response="lost")
    assert ledger.allowed(KEY) == {"first", "second"}


def test_a_refused_write_is_not_allowed(ledger):
    write(ledger, {KEY: "first"})
    write(ledger, {KEY: "second"}, response="refused")
    assert ledger.allowed(KEY) == {"first"}


def test_a_backup_may_have_writes_from_while_it_was_made_but_no_later_ones(ledger):
    write(ledger, {KEY: "before"})
    began = time.monotonic()
    write(ledger, {KEY: "meanwhile"})
    ended = time.monotonic()
    write(ledger, {KEY: "after"})
    assert ledger.allowed(KEY, began, ended) == {"before", "meanwhile"}


class Engine:
    """Returns rows for the queries of a State, in their order."""

    def __init__(self, users=(), posts=(), follows=(), blocks=(), reports=()):
        self.tables = iter([users, posts, follows, blocks, reports])

    def rows(self, query, copy=False):
        return list(next(self.tables))


ADA = ("ada", "Ada", "About", "")


def broken(ledger, **tables):
    from _faults.promises import Promises, State

    return Promises(ledger).broken(State(Engine(**tables)))


def test_a_stored_value_is_not_broken(ledger):
    write(ledger, {("account", "ada"): True, KEY: "About", ("post", "text-ada-1"): "text-ada-1 words"})
    assert broken(ledger, users=[ADA], posts=[("text-ada-1 words",)]) == []


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"users": [ADA]},
        {"users": [ADA], "posts": [("text-ada-1 older words",)]},
    ],
    ids=["an account", "a post", "an edit"],
)
def test_a_missing_or_older_value_is_broken(ledger, tables):
    write(ledger, {("account", "ada"): True, ("post", "text-ada-1"): "text-ada-1 words"})
    assert broken(ledger, **tables)


def test_posts_and_follows_are_deleted_with_an_account(ledger):
    write(ledger, {("account", "ada"): True, ("account", "bob"): True})
    write(ledger, {("post", "text-ada-1"): "text-ada-1 words", ("follow", "bob", "ada"): True})
    write(ledger, {("account", "ada"): None})
    assert broken(ledger, users=[("bob", "", "", "")]) == []
    assert broken(ledger, users=[ADA, ("bob", "", "", "")])


def test_only_a_block_explains_a_missing_follow(ledger):
    write(ledger, {("account", "ada"): True, ("account", "bob"): True, ("follow", "bob", "ada"): True})
    both = [ADA, ("bob", "", "", "")]
    assert broken(ledger, users=both)
    write(ledger, {("block", "ada", "bob"): True})
    assert broken(ledger, users=both, blocks=[("ada", "bob")]) == []


def judge_of(responses, unavailable=False, refuses=False, restarts_site=False, slow=inf):
    """Return a Judge of a fault that lasted from second 100 to 110."""
    from _faults.judge import Judge
    from _faults.trial import Episode

    fault = SimpleNamespace(
        name=lambda: "fault",
        unavailable=unavailable,
        refuses=refuses,
        restarts_site=restarts_site,
        longest=10,
    )
    trial = SimpleNamespace(
        engine=None,
        form=SimpleNamespace(margin=0, slow=slow),
        crowd=SimpleNamespace(responses=responses),
        episodes=[Episode(fault, began=100, ended=110)],
        start_seconds=3,
        site=SimpleNamespace(log=Path("/dev/null")),
    )
    return Judge(trial)


def response(began, seconds=0.1, **outcome):
    from _faults.browser import Response

    return Response("GET", "/", began, datetime.now(UTC), ended=began + seconds, **outcome)


AWAY = {"status": 503, "retry_after": "5"}
REFUSED = {"error": "ConnectionRefusedError"}


@pytest.mark.parametrize(
    ("outcome", "kind"), [(AWAY, {"unavailable": True}), (REFUSED, {"refuses": True})], ids=["503", "refused"]
)
def test_a_failure_is_wrong_unless_a_fault_allows_it(outcome, kind):
    meanwhile, long_after = response(105, **outcome), response(130, **outcome)
    assert not judge_of([meanwhile], **kind).is_wrong(meanwhile)
    assert judge_of([meanwhile]).is_wrong(meanwhile)
    assert judge_of([long_after], **kind).is_wrong(long_after)


@pytest.mark.parametrize(
    "outcome", [{"status": 500}, {"status": 503}], ids=["500", "503 without Retry-After"]
)
def test_no_fault_allows_an_internal_error(outcome):
    meanwhile = response(105, **outcome)
    assert not judge_of([meanwhile], unavailable=True, refuses=True).errors().passed


def test_a_request_that_took_too_long_is_wrong_unless_the_machine_may_be_slow():
    late = response(130, seconds=8, **AWAY)
    assert judge_of([late]).is_wrong(late)
    assert not judge_of([late], slow=5).is_wrong(late)
    at_once = response(130, seconds=0.1, **AWAY)
    assert judge_of([at_once], slow=5).is_wrong(at_once)


def test_the_longest_response_counts_while_nothing_is_frozen():
    assert judge_of([response(105, seconds=9, status=200)]).longest().passed
    assert not judge_of([response(105, seconds=11, status=200)]).longest().passed


def test_the_recovery_ends_with_the_last_request_that_failed():
    failures = [response(108, **AWAY), response(113, **AWAY)]
    judge = judge_of(failures, unavailable=True)
    assert judge.recovered(judge.episodes[0]) == pytest.approx(3.1)
    assert judge.recovery().passed
    assert not judge_of([response(116, **AWAY)], unavailable=True).recovery().passed


def test_the_start_of_the_site_may_take_its_time():
    assert judge_of([response(117, **REFUSED)], refuses=True, restarts_site=True).recovery().passed


@pytest.mark.parametrize(("slope", "grows"), [(0, False), (0.02, False), (0.5, True)])
def test_growth_is_more_than_noise(slope, grows):
    from _faults.growth import Series

    samples = [(moment, 100 + slope * moment + moment % 3) for moment in range(100)]
    growth, noise = Series("web 1", "MB", samples).growth()
    assert (growth > noise) is grows


def test_every_fault_has_its_own_name_and_every_engine_has_enough_faults():
    from _faults.catalogue import CATALOGUE, by_name
    from _faults.engines import ENGINES

    assert len({fault.name() for fault in CATALOGUE}) == len(CATALOGUE)
    assert all(len(by_name(engine)) >= 20 for engine in ENGINES)
