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

    def __init__(
        self, users=(), posts=(), follows=(), blocks=(), reports=(), replies=(), mentions=(), likes=()
    ):
        self.tables = iter([users, posts, follows, blocks, reports, replies, mentions, likes])

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


@pytest.mark.parametrize(
    ("key", "table"),
    [
        (("reply", "text-ada-1", "bob"), {"replies": [("text-ada-1 words", "bob")]}),
        (("mention", "text-ada-1", "bob"), {"mentions": [("text-ada-1 words", "bob")]}),
        (("like", "bob", "text-ada-1"), {"likes": [("bob", "text-ada-1 words")]}),
    ],
    ids=["reply", "mention", "like"],
)
def test_what_a_post_brings_is_there_until_the_post_or_the_other_account_is_deleted(ledger, key, table):
    write(ledger, {("account", "ada"): True, ("account", "bob"): True})
    write(ledger, {("post", "text-ada-1"): "text-ada-1 words", key: True})
    users, posts = [ADA, ("bob", "", "", "")], [("text-ada-1 words",)]
    assert broken(ledger, users=users, posts=posts, **table) == []
    assert broken(ledger, users=users, posts=posts)
    write(ledger, {("account", "bob"): None})
    assert broken(ledger, users=[ADA], posts=posts) == []
    write(ledger, {("account", "bob"): True, ("post", "text-ada-1"): None})
    assert broken(ledger, users=users) == []


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


REPLY_EMAIL = """Hello Bob,

1 new reply

Ada (@ada) · May 1, 12:00
In reply to Bob (@bob):
> text-bob-1 has this text

text-ada-1 has this text for @eve
http://localhost/posts/2/
"""


def emails(*kept):
    """Return emails as an inbox keeps them, from (type, id, recipient, body)."""
    return [(0.0, f"{to}@example.org", f"<{name}.{pk}@localhost>", body) for name, pk, to, body in kept]


def judge_of_emails(replies=(), mentions=()):
    from _faults.promises import MENTIONS

    judge = judge_of([])
    judge.engine = SimpleNamespace(rows=lambda query: mentions if query == MENTIONS else replies)
    return judge


REPLY = ("text-ada-1 has this text for @eve", "bob")
MENTION = ("text-ada-1 has this text for @eve", "eve")


def test_every_reply_and_mention_is_in_an_email_to_the_person_whom_it_concerns():
    judge = judge_of_emails(replies=[REPLY], mentions=[MENTION])
    to_bob, to_eve = ("reply", 1, "bob", REPLY_EMAIL), ("mention", 2, "eve", REPLY_EMAIL)
    assert list(judge.missing_post_emails(emails(to_bob, to_eve))) == []
    assert list(judge.missing_post_emails(emails(to_bob))) == ["no email about text-ada-1, a mention of @eve"]
    assert list(judge.missing_post_emails(emails(to_eve))) == ["no email about text-ada-1, a reply to @bob"]


def test_a_quoted_post_and_an_email_to_someone_else_tell_nobody():
    judge = judge_of_emails(replies=[("text-bob-1 has this text", "eve")])
    assert list(judge.missing_post_emails(emails(("reply", 1, "bob", REPLY_EMAIL))))
    assert list(judge.missing_post_emails(emails(("mention", 1, "eve", REPLY_EMAIL))))


def test_people_get_no_email_about_replies_to_themselves_or_about_posts_that_an_email_only_counts():
    judge = judge_of_emails(replies=[("text-bob-1 has this text", "bob"), ("text-eve-1 words", "bob")])
    more = REPLY_EMAIL + "\nAnd 1 more.\n"
    assert len(list(judge.missing_post_emails(emails(("reply", 1, "bob", REPLY_EMAIL))))) == 1
    assert list(judge.missing_post_emails(emails(("reply", 1, "bob", more)))) == []


def test_nobody_is_told_about_the_same_post_in_two_emails():
    once, again = ("reply", 1, "bob", REPLY_EMAIL), ("mention", 2, "bob", REPLY_EMAIL)
    judge = judge_of_emails()
    # A worker that was killed before it had recorded the first one sends the same email again.
    assert judge.told_twice(emails(once, once, ("mention", 2, "eve", REPLY_EMAIL))).passed
    assert not judge.told_twice(emails(once, again)).passed


class Jobs:
    """A database whose queries show a different state each time: (unfinished jobs, waiting emails)."""

    def __init__(self, *states):
        self.states = list(states)

    def rows(self, query):
        from _faults.trial import WAITING

        jobs, emails = self.states[0]
        if query != WAITING:
            return jobs
        if len(self.states) > 1:
            self.states.pop(0)
        return emails


JOB, NOTIFICATION = ("emails.send_digest", "READY"), ("notification in no email", "new_follower")


@pytest.mark.parametrize(
    ("states", "left"),
    [
        # The job of the first state postponed the email and enqueued another job, which came too late to be waited for.
        ([([JOB], []), ([], [NOTIFICATION]), ([], [])], ([], [])),
        ([([JOB], [NOTIFICATION])], ([JOB], [NOTIFICATION])),
    ],
    ids=["postponed", "stuck"],
)
def test_the_trial_ends_when_no_email_is_left_to_send(monkeypatch, states, left):
    from _faults import processes
    from _faults.trial import Trial

    clock = iter(range(1000))
    monkeypatch.setattr(
        processes, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda seconds: None)
    )
    trial = SimpleNamespace(engine=Jobs(*states))
    Trial.settle(trial, within=90)
    assert (trial.unfinished, trial.waiting) == left


def test_names_and_the_number_of_others_are_read_from_emails():
    from _mail_trial import read_followers, read_likes, read_posts

    names = "Ada (@ada)\nhttp://localhost/@ada/\n@bob\nhttp://localhost/@bob/\n\nAnd 1,200 more.\n"
    assert read_followers(names) == (["ada", "bob"], 1200)
    assert read_posts(REPLY_EMAIL) == (["text-ada-1"], 0)
    likes = (
        "@bob liked your post: text-ada-1 words\nhttp://x/\n\nBo (@bo) liked your post: text-ada-2 words\n"
    )
    assert read_likes(likes) == ([("bob", "text-ada-1"), ("bo", "text-ada-2")], 0)
