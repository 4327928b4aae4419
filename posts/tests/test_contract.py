"""Every timeline keeps the contract of posts/timelines/base.py. Planted faults show that these tests can fail."""

import pytest

from posts.tests.fanout import needs_redis
from posts.tests.network import Network, run_random_series
from posts.timelines import TIMELINES, home_timeline, queries
from posts.timelines.normalized import NormalizedTimeline

# Limits that a few people and posts can reach.
SMALL_LIMITS = {
    "fanout_write": {"IDS_PER_LIST": 12, "IDS_IN_NEW_LIST": 8, "LISTS_PER_SCRIPT": 2, "FOLLOWERS_MAX": 3},
    "fanout_read": {"IDS_PER_AUTHOR": 3, "AUTHORS_PER_REQUEST": 2},
}
NAMES = [
    pytest.param(name, marks=needs_redis if ".redis." in path else ()) for name, path in TIMELINES.items()
]


@pytest.fixture(params=NAMES)
def timeline(request, settings, empty_redis, monkeypatch):
    """Each timeline of TIMELINES."""
    settings.HOME_TIMELINE = request.param
    timeline = home_timeline()
    for limit, value in SMALL_LIMITS.get(request.param, {}).items():
        monkeypatch.setattr(type(timeline), limit, value)
    return timeline


@pytest.mark.usefixtures("timeline")
@pytest.mark.parametrize("many", [0, 500], ids=["with recency scan", "without"])
def test_after_any_series_of_changes_each_reader_sees_what_the_rules_say(many, monkeypatch):
    monkeypatch.setattr(queries, "MANY", many)
    monkeypatch.setattr(queries, "SCAN_LENGTH", 5)
    run_random_series()


class FilterAfterTheLimit(NormalizedTimeline):
    """Filters hidden posts after it has taken twenty rows."""

    def posts(self, reader, **where):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queries, "VISIBLE", "TRUE")
            found = super().posts(reader, **where)
        return [post for post in found if post.hidden_on is None]


class MissedUnfollow(NormalizedTimeline):
    """Goes on showing posts by people whom the reader no longer follows."""

    def __init__(self):
        self.seen = {}

    def posts(self, reader, **where):
        followed = set(reader.followings.values_list("followed", flat=True))
        seen = self.seen.setdefault(reader.pk, set())
        missed = seen - followed
        seen |= followed
        if not missed:
            return super().posts(reader, **where)
        reader.followings.bulk_create(
            reader.followings.model(follower=reader, followed_id=pk) for pk in missed
        )
        found = super().posts(reader, **where)
        reader.followings.filter(followed__in=missed).delete()
        return found


class CursorOffByOne(NormalizedTimeline):
    """Starts an older page with the last post of the page before."""

    def posts(self, reader, *, before=None, **where):
        return super().posts(reader, before=before and before + 1, **where)


class PatchedQueries(NormalizedTimeline):
    """Uses other SQL for one of the constants in posts.timelines.queries."""

    def posts(self, reader, **where):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queries, self.constant, self.sql)
            queries._positional.cache_clear()
            found = super().posts(reader, **where)
        queries._positional.cache_clear()
        return found


class RepliesToStrangers(PatchedQueries):
    constant, sql = "ADDRESSED", "1 = 1"


class NoRepliesBetweenOthers(PatchedQueries):
    constant, sql = (
        "ADDRESSED",
        "({p}.thread IS NULL OR %(reader)s IN ({p}.author_id, {p}.in_reply_to_author_id))",
    )


class MutedAuthors(PatchedQueries):
    constant, sql = (
        "EXCLUDED",
        "SELECT b.blocked_id AS person_id FROM {block} b WHERE b.blocker_id = %(reader)s",
    )


class RepliesToMutedPeople(PatchedQueries):
    constant = "REPLIED_TO_FOLLOWED"
    sql = (
        "{p}.in_reply_to_author_id IN (SELECT f.followed_id FROM {follow} f WHERE f.follower_id = %(reader)s)"
    )


def follow_read_hide_unfollow():
    """Run one series of changes and reads in which each of the faults shows."""
    network = Network()
    try:
        network.begin()
        network.follow(0, 1)
        network.post_a_burst(1)
        network.post_a_burst(1)
        network.read_everything(0, size=3)
        network.hide(7)
        network.read_everything(0, size=3)
        converse(network)
        network.unfollow(0)
    finally:
        network.teardown()
        home_timeline.cache_clear()


def converse(network):
    """The person whom the reader follows replies to a stranger, whom the reader then follows and mutes."""
    network.post(2, 100)
    network.reply(1, len(network.posts) - 1, 101)
    network.read_everything(0, size=3)
    network.follow(0, 2)
    network.read_everything(0, size=3)
    network.mute(0, 2)
    network.read_everything(0, size=3)
    network.unmute(0)


FAULTS = [
    *(FilterAfterTheLimit, MissedUnfollow, CursorOffByOne),
    *(RepliesToStrangers, NoRepliesBetweenOthers, MutedAuthors, RepliesToMutedPeople),
]


@pytest.mark.django_db
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, settings):
    settings.HOME_TIMELINE = f"{__name__}.{fault.__name__}"
    with pytest.raises(AssertionError):
        follow_read_hide_unfollow()


@pytest.mark.usefixtures("timeline")
def test_the_same_series_finds_nothing_without_a_planted_fault():
    follow_read_hide_unfollow()
