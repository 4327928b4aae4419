"""Redis is away, slow, full, empty or out of date; workers are killed; changes race. No page of a timeline is ever wrong."""

import socket
from unittest import mock

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.tests.factories import FollowFactory
from posts.circuit_breaker import Unavailable
from posts.models import Post
from posts.tests.factories import PostFactory
from posts.tests.fanout import ids, needs_redis, newest, only_from_redis
from posts.timelines import FORMER_PATHS, home_timeline
from posts.timelines.redis import queries, tasks
from posts.timelines.redis.client import TIMEOUT
from posts.timelines.redis.fanout_read import FanOutOnReadTimeline
from posts.timelines.redis.fanout_write import FanOutOnWriteTimeline, key_of
from posts.timelines.redis.models import HighFanoutAuthor, PendingPost, TimelineGeneration


@needs_redis
def test_two_workers_with_the_same_post_store_it_once(fanout_timeline, member, prolific):
    ids(member)
    Post(author=prolific, content="new").publish()
    pending = PendingPost.objects.get()
    fanout_timeline.fan_out(pending)
    pending.refresh_from_db()
    fanout_timeline.fan_out(PendingPost(post=pending.post, created_on=pending.created_on))
    pending.delete()

    with only_from_redis():
        assert ids(member) == newest(prolific)


@needs_redis
def test_a_fan_out_is_continued_after_its_worker_was_killed(write_timeline, member, prolific, monkeypatch):
    """Redis is full, or the worker is killed, after the first of three scripts."""
    monkeypatch.setattr(FanOutOnWriteTimeline, "LISTS_PER_SCRIPT", 1)
    readers = [member, *(FollowFactory(followed=prolific).follower for _ in range(2))]
    for reader in readers:
        ids(reader)
    post = Post(author=prolific, content="new")
    post.publish()
    push = write_timeline.push
    monkeypatch.setattr(write_timeline, "push", mock.Mock(side_effect=[push, Unavailable("full")]))
    with pytest.raises(Unavailable):
        write_timeline.fan_out(PendingPost.objects.get())

    assert PendingPost.objects.get().reached == min(reader.pk for reader in readers)
    assert all(ids(reader)[0] == post.pk for reader in readers)
    calls = mock.Mock(side_effect=push)
    monkeypatch.setattr(write_timeline, "push", calls)
    tasks.fan_out(PendingPost.objects.all())
    assert calls.call_count == 2
    assert not PendingPost.objects.exists()


@needs_redis
def test_the_next_post_fans_out_abandoned_ones_too(write_timeline, member, prolific, run_jobs):
    ids(member)
    PendingPost.objects.create(post=PostFactory(author=prolific))
    PendingPost.objects.update(created_on="2026-01-01T00:00Z")
    Post(author=prolific, content="new").publish()
    run_jobs()

    assert not PendingPost.objects.exists()


@needs_redis
def test_a_follow_during_a_build_makes_its_result_useless(fanout_timeline, member, prolific):
    """What was read before the follow is stored under the version of before."""
    cleo = PostFactory().author
    name = "store_follows" if isinstance(fanout_timeline, FanOutOnReadTimeline) else "finish"
    store = getattr(fanout_timeline, name)

    def follow_first(*args):
        member.follow(cleo)
        return store(*args)

    with mock.patch.object(fanout_timeline, name, follow_first):
        assert newest(cleo)[0] in ids(member)
    assert newest(cleo)[0] in ids(member)


@needs_redis
def test_after_redis_was_emptied_a_timeline_is_built_once(fanout_timeline, member, prolific):
    ids(member)
    fanout_timeline.client.redis.flushdb()
    with only_from_redis():
        assert ids(member) == newest(prolific)
        assert ids(member) == newest(prolific)


@needs_redis
def test_data_from_an_old_snapshot_is_never_used(fanout_timeline, member, prolific):
    ids(member)
    lost = PostFactory(author=prolific)  # As if the snapshot lacked a write.
    redis, list_key = fanout_timeline.client.redis, key_of(member.pk)
    if isinstance(fanout_timeline, FanOutOnWriteTimeline):
        marker = redis.zrange(list_key, 0, 0)[0]
        redis.zrem(list_key, marker)
        redis.zadd(list_key, {marker.replace(marker.split()[1], b"f" * 40): -1})
    else:
        redis.hset("timeline:author:latest", "run", "f" * 40)

    assert ids(member)[0] == lost.pk


@needs_redis
@pytest.mark.parametrize("stored", [False, True])
def test_authors_written_by_the_release_before_are_read_from_the_database(
    read_timeline, member, prolific, stored
):
    """That release knows "recent" but not "entries". Both releases run side by side during a reload."""
    if stored:
        ids(member)
    old = newest(prolific)[0]
    PostFactory(author=prolific)  # As if that release had fanned it out before `old`.
    redis = read_timeline.client.redis
    redis.hset("timeline:author:latest", prolific.pk, old)
    redis.hset("timeline:author:recent", prolific.pk, "packed")

    ids(member)
    with only_from_redis():
        assert ids(member) == newest(prolific)
    assert not redis.exists("timeline:author:recent")


@needs_redis
@pytest.mark.parametrize("in_recent", [False, True])
def test_a_post_after_one_by_the_release_before_brings_both(
    read_timeline, member, prolific, run_jobs, in_recent
):
    """That release deletes the author from "latest", or writes "recent"."""
    ids(member)
    PostFactory(author=prolific)
    redis = read_timeline.client.redis
    if in_recent:
        redis.hset("timeline:author:recent", prolific.pk, "packed")
    else:
        redis.hdel("timeline:author:latest", prolific.pk)
    Post(author=prolific, content="new").publish()
    run_jobs()

    with only_from_redis():
        assert ids(member) == newest(prolific)


@needs_redis
@pytest.mark.parametrize("foreign", ["text", {"1": 1, "2": 2}])
def test_keys_of_another_program_cause_no_wrong_page(fanout_timeline, member, prolific, foreign):
    redis = fanout_timeline.client.redis
    for key in (key_of(member.pk), "timeline:author:latest", f"timeline:author:follows:{member.pk}"):
        redis.set(key, foreign) if isinstance(foreign, str) else redis.zadd(key, foreign)

    assert ids(member) == newest(prolific)


@needs_redis
def test_with_too_many_pending_posts_pages_come_from_the_normalized_timeline(
    fanout_timeline, member, prolific, monkeypatch
):
    monkeypatch.setattr(queries, "PENDING_MAX", 1)
    ids(member)
    for number in range(2):
        Post(author=prolific, content=f"n{number}").publish()

    assert ids(member) == newest(prolific)
    with only_from_redis(), pytest.raises(AssertionError):
        ids(member)


@needs_redis
def test_another_timeline_or_a_rebuild_invalidates_everything(fanout_timeline, member, prolific, settings):
    TimelineGeneration.renew_if_timeline_changed()
    ids(member)
    TimelineGeneration.renew_if_timeline_changed()
    generation = TimelineGeneration.objects.get().value
    chosen, settings.HOME_TIMELINE = settings.HOME_TIMELINE, "normalized"
    TimelineGeneration.renew_if_timeline_changed()
    unseen = PostFactory(author=prolific)
    settings.HOME_TIMELINE = chosen
    assert TimelineGeneration.objects.get().value != generation
    assert ids(member)[0] == unseen.pk

    HighFanoutAuthor.objects.create(author=prolific)
    call_command("rebuild_timelines", stdout=mock.Mock())
    assert not list(fanout_timeline.client.redis.scan_iter("timeline:*"))
    assert not HighFanoutAuthor.objects.exists()


def test_without_redis_pages_are_slower_but_right(member, prolific, settings, fanout_timeline):
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"
    client = home_timeline().client

    for _ in range(3):
        assert ids(member) == newest(prolific)
    with pytest.raises(CommandError, match="still in Redis"):
        call_command("rebuild_timelines")
    assert client.breaker.retry_at > 0


def test_a_redis_that_hangs_delays_one_request_for_a_short_time(member, prolific, settings, fanout_timeline):
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.TIMELINE_REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        for _ in range(3):
            assert ids(member) == newest(prolific)
        server.setblocking(False)
        server.accept()
        with pytest.raises(BlockingIOError):
            server.accept()
    assert TIMEOUT <= 0.25


def test_while_redis_is_away_posts_stay_pending_and_are_shown(member, prolific, settings, fanout_timeline):
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"
    post = Post(author=prolific, content="new")
    post.publish()
    with pytest.raises(Unavailable):
        tasks.fan_out(PendingPost.objects.all())

    assert PendingPost.objects.exists()
    assert ids(member)[0] == post.pk


@pytest.mark.parametrize("name", ["fanout_write", "fanout_read"])
def test_the_site_does_not_start_with_a_fan_out_timeline_but_no_redis(settings, name):
    settings.HOME_TIMELINE = name
    settings.TIMELINE_REDIS_URL = ""
    assert [error.id for error in run_checks()] == ["posts.E003"]


@pytest.mark.parametrize("path", FORMER_PATHS)
def test_the_paths_of_an_earlier_release_work_with_a_warning(settings, path):
    settings.HOME_TIMELINE = path
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"

    assert [warning.id for warning in run_checks()] == ["posts.W001"]
    assert type(home_timeline()).__name__ == path.rpartition(".")[2]
