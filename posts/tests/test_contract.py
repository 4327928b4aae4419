"""Every timeline keeps the contract of posts/timelines/base.py, and the test of that can fail."""

import pytest

from posts.tests.network import Network, try_out
from posts.tests.stored import needs_redis
from posts.timelines import home_timeline, queries
from posts.timelines.fanout_read import FanOutOnReadTimeline
from posts.timelines.fanout_write import FanOutOnWriteTimeline
from posts.timelines.normalized import NormalizedTimeline


class SmallFanOutOnWrite(FanOutOnWriteTimeline):
    """With limits that a few people and posts can reach."""

    KEPT, BUILT, BATCH, FOLLOWERS_MAX = 12, 8, 2, 3


class SmallFanOutOnRead(FanOutOnReadTimeline):
    KEPT, AUTHORS_AT_ONCE = 3, 2


NORMALIZED = "posts.timelines.normalized.NormalizedTimeline"
STORED = [f"{__name__}.SmallFanOutOnWrite", f"{__name__}.SmallFanOutOnRead"]
TIMELINES = [NORMALIZED, *(pytest.param(path, marks=needs_redis) for path in STORED)]


@pytest.fixture(params=TIMELINES, ids=lambda path: path.rpartition(".")[2])
def timeline(request, settings, empty_store):
    settings.HOME_TIMELINE = request.param
    return home_timeline()


@pytest.mark.usefixtures("timeline")
@pytest.mark.parametrize("many", [0, 500], ids=["readers of many", "readers of few"])
def test_any_series_of_changes_shows_each_reader_what_the_rules_say(many, monkeypatch):
    monkeypatch.setattr(queries, "MANY", many)
    monkeypatch.setattr(queries, "WALK_LENGTH", 5)
    try_out()


class FilterAfterTheLimit(NormalizedTimeline):
    """Takes twenty rows and then looks which may be shown."""

    def posts(self, reader, **where):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queries, "VISIBLE", "TRUE")
            found = super().posts(reader, **where)
        return [post for post in found if post.hidden_on is None]


class MissedUnfollow(NormalizedTimeline):
    """Remembers whom the reader followed at any look."""

    def __init__(self):
        super().__init__()
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
    """Begins an older page with the last post of the one before."""

    def posts(self, reader, *, before=None, **where):
        return super().posts(reader, before=before and before + 1, **where)


def follow_read_hide_unfollow():
    """One series of changes and looks, on which each of the faults shows."""
    network = Network()
    try:
        network.begin()
        network.follow(0, 1)
        network.post_a_burst(1)
        network.post_a_burst(1)
        network.read_everything(0, size=3)
        network.hide(7)
        network.read_everything(0, size=3)
        network.unfollow(0)
    finally:
        network.teardown()
        home_timeline.cache_clear()


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [FilterAfterTheLimit, MissedUnfollow, CursorOffByOne])
def test_the_contract_finds_a_planted_fault(fault, settings):
    settings.HOME_TIMELINE = f"{__name__}.{fault.__name__}"
    with pytest.raises(AssertionError):
        follow_read_hide_unfollow()


@pytest.mark.usefixtures("timeline")
def test_the_same_series_finds_nothing_where_nothing_is_planted():
    follow_read_hide_unfollow()
