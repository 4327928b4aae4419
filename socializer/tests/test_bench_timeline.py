"""The benchmark checks what it measures, uses its own databases, and leaves nothing behind."""

import errno
import json
import random
from datetime import UTC, datetime
from unittest import mock

import pytest
from django.conf import settings as site_settings
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from posts.timelines import TIMELINES
from posts.timelines.normalized import NormalizedTimeline
from socializer.benchmark import databases, filling, locking, measuring, report
from socializer.benchmark.measuring import Candidate, compare
from socializer.management.commands.bench_timeline import Command

SMALL = ["--posts", "2000", "--people", "5200", "--rounds", "2", "--engines", "sqlite"]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr("socializer.benchmark.readers.FLOOD", 50)
    monkeypatch.setattr("socializer.benchmark.writing.ACTIVE", 3)
    monkeypatch.setattr("socializer.benchmark.conversations.REPLIES", 300)
    monkeypatch.setattr(measuring, "NOISY", 1e9)


def rows(path):
    return json.loads(path.read_text())


@pytest.mark.django_db
def test_it_measures_each_kind_of_reader_in_its_own_database(tmp_path, capsys):
    name = connection.settings_dict["NAME"]
    files = {name: str(tmp_path / name) for name in ("markdown", "json")}
    call_command("bench_timeline", "read", *SMALL, **files)

    results = rows(tmp_path / "json")
    assert {row["reader"] for row in results} == {
        *("nobody", "5", "150", "1000", "5000"),
        *("20 dormant", "3000 busiest", "150 and a flood"),
    }
    normalized = [row for row in results if row["strategy"] == "normalized"]
    assert {row["queries"] for row in normalized} == {1}
    assert all(row["ratio"] > 0 and row["p95"] >= row["p50"] for row in results)
    assert "### SQLite, 2,000 posts, page 1" in (tmp_path / "markdown").read_text()
    assert "textbook" in capsys.readouterr().out
    assert connection.settings_dict["NAME"] == name
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("write", "100 followers"),
        ("render", "cards, rendered"),
        ("locks", "0 lock errors"),
        ("threads", "a thread with blocked people, page 2"),
    ],
)
def test_the_other_measurements_run(what, words, capsys):
    call_command("bench_timeline", what, *SMALL)
    assert words in capsys.readouterr().out


@pytest.mark.django_db
@pytest.mark.skipif(not site_settings.TIMELINE_REDIS_URL, reason="needs a Redis")
def test_the_fan_out_timelines_are_measured_with_a_redis_of_their_own(tmp_path):
    url = site_settings.TIMELINE_REDIS_URL.rpartition("/")[0] + "/7"
    call_command("bench_timeline", "write", *SMALL, redis=url, json=str(tmp_path / "json"))

    assert {row["reader"] for row in rows(tmp_path / "json")} == {*TIMELINES}
    with pytest.raises(CommandError, match="own Redis"):
        call_command("bench_timeline", "write", *SMALL, redis=site_settings.TIMELINE_REDIS_URL)


@pytest.mark.django_db
def test_a_timeline_with_wrong_pages_is_not_measured():
    posts = NormalizedTimeline.posts
    with mock.patch.object(NormalizedTimeline, "posts", lambda *args, **kwargs: posts(*args, **kwargs)[1:]):
        with pytest.raises(CommandError, match="a different page from the definition"):
            call_command("bench_timeline", "read", *SMALL)


@pytest.mark.django_db
def test_the_sites_own_database_is_refused():
    with pytest.raises(CommandError, match="own database"):
        with databases.own_database(connection.settings_dict):
            pass
    assert not User.objects.exists()


@pytest.mark.django_db
def test_an_existing_database_is_kept(tmp_path):
    (tmp_path / "benchmark.sqlite3").write_text("important")
    config = next(databases.configurations(tmp_path, ["sqlite"]))
    with pytest.raises(CommandError, match="--replace"):
        with databases.own_database(config):
            pass
    assert (tmp_path / "benchmark.sqlite3").read_text() == "important"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), connection.Database.OperationalError("disk is full")],
)
def test_a_full_disk_is_reported_and_cleaned_up(error, tmp_path, monkeypatch):
    monkeypatch.setattr("socializer.management.commands.bench_timeline.fill", mock.Mock(side_effect=error))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(CommandError, match="disk is full"):
        call_command("bench_timeline", "read", *SMALL)
    assert not list(tmp_path.glob("bench_timeline-*"))


@pytest.mark.parametrize("few", [["--rounds", "1"], ["--posts", "5"]])
def test_too_few_rounds_or_posts_are_refused(few):
    with pytest.raises(CommandError, match="at least 2 rounds"):
        call_command("bench_timeline", "read", *few)


@pytest.mark.django_db
def test_nothing_is_compared_with_a_noisy_floor(monkeypatch):
    monkeypatch.setattr(measuring, "NOISY", 0)
    where = {"engine": "x", "posts": 1, "reader": "5", "page": 1}
    (result,) = compare([Candidate("floor", lambda: 1, "floor", 1)], 5, **where)
    assert result.ratio is None
    assert report.NOISY in report.markdown([result])


def test_the_same_seed_makes_the_same_network():
    now = datetime(2026, 3, 1, tzinfo=UTC)

    def network():
        rng, people = random.Random(1), range(1, 21)
        rows = filling.make_people(rng, people, now), filling.make_follows(rng, people, 60, now)
        return [*rows[0]], [*rows[1]], [*filling.make_posts(rng, people, 100, now)]

    people, follows, posts = network()
    assert (people, follows, posts) == network()
    assert len({pk for pk, *_rest in posts}) == 100
    assert all(follower != followed for _key, follower, followed, _now in follows)


def test_every_measurement_is_in_the_help():
    parser = Command().create_parser("manage.py", "bench_timeline")
    assert all(
        word in parser.format_help()
        for word in ("read", "growth", "write", "render", "http", "threads", "locks")
    )
    assert (locking.WRITERS, locking.READERS) == (4, 8)
