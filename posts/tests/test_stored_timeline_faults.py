"""Redis is away, slow, full, emptied or old; workers are killed; changes race. Nothing shows a wrong timeline."""

import socket
from unittest import mock

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.tests.factories import FollowFactory
from posts import tasks
from posts.breaker import Unavailable
from posts.models import PendingPost, Post, PulledAuthor, TimelineEpoch
from posts.tests.factories import PostFactory
from posts.tests.stored import READ, WRITE, ids, needs_redis, newest, only_stored
from posts.timelines import home_timeline, queries
from posts.timelines.fanout_write import FanOutOnWriteTimeline, key_of
from posts.timelines.store import TIMEOUT


@needs_redis
def test_two_workers_on_the_same_post_store_it_once(stored, member, prolific):
    ids(member)
    Post(author=prolific, content="new").publish()
    pending = PendingPost.objects.get()
    stored.carry(pending)
    pending.refresh_from_db()
    stored.carry(PendingPost(post=pending.post, created_on=pending.created_on))
    pending.delete()

    with only_stored():
        assert ids(member) == newest(prolific)


@needs_redis
def test_what_a_killed_worker_left_is_gone_on_with(write, member, prolific, monkeypatch):
    """Redis is full, or the worker killed, after the first batch of three."""
    monkeypatch.setattr(FanOutOnWriteTimeline, "BATCH", 1)
    readers = [member, *(FollowFactory(followed=prolific).follower for _ in range(2))]
    for reader in readers:
        ids(reader)
    post = Post(author=prolific, content="new")
    post.publish()
    push = write.push
    monkeypatch.setattr(write, "push", mock.Mock(side_effect=[push, Unavailable("full")]))
    with pytest.raises(Unavailable):
        write.carry(PendingPost.objects.get())

    assert PendingPost.objects.get().reached == min(reader.pk for reader in readers)
    assert all(ids(reader)[0] == post.pk for reader in readers)
    calls = mock.Mock(side_effect=push)
    monkeypatch.setattr(write, "push", calls)
    tasks.carry(PendingPost.objects.all())
    assert calls.call_count == 2
    assert not PendingPost.objects.exists()


@needs_redis
def test_what_others_left_behind_is_carried_with_the_next_post(write, member, prolific, run_jobs):
    ids(member)
    PendingPost.objects.create(post=PostFactory(author=prolific))
    PendingPost.objects.update(created_on="2026-01-01T00:00Z")
    Post(author=prolific, content="new").publish()
    run_jobs()

    assert not PendingPost.objects.exists()


@needs_redis
def test_a_follow_between_reading_and_storing_makes_the_list_useless(stored, member, prolific):
    """Follow and unfollow race a build: what was read before is stored under the stamp of before."""
    cleo = PostFactory().author
    stores = stored.finish if hasattr(stored, "finish") else stored.store_follows

    def follow_first(*args):
        member.follow(cleo)
        return stores(*args)

    with mock.patch.object(stored, "finish" if hasattr(stored, "finish") else "store_follows", follow_first):
        assert newest(cleo)[0] in ids(member)
    assert newest(cleo)[0] in ids(member)


@needs_redis
def test_an_emptied_redis_costs_one_build(stored, member, prolific):
    ids(member)
    stored.store.redis.flushdb()
    with only_stored():
        assert ids(member) == newest(prolific)
        assert ids(member) == newest(prolific)


@needs_redis
def test_what_came_back_from_an_old_snapshot_is_never_read(stored, member, prolific):
    ids(member)
    lost = PostFactory(author=prolific)  # As if a write to Redis had been lost with it.
    redis, list_key = stored.store.redis, key_of(member.pk)
    if isinstance(stored, FanOutOnWriteTimeline):
        marker = redis.zrange(list_key, 0, 0)[0]
        redis.zrem(list_key, marker)
        redis.zadd(list_key, {marker.replace(marker.split()[1], b"f" * 40): -1})
    else:
        redis.hset("timeline:author:heads", "run", "f" * 40)

    assert ids(member)[0] == lost.pk


@needs_redis
@pytest.mark.parametrize("foreign", ["text", {"1": 1, "2": 2}])
def test_foreign_keys_in_our_place_show_no_wrong_page(stored, member, prolific, foreign):
    redis = stored.store.redis
    for key in (key_of(member.pk), "timeline:author:heads", f"timeline:author:follows:{member.pk}"):
        redis.set(key, foreign) if isinstance(foreign, str) else redis.zadd(key, foreign)

    assert ids(member) == newest(prolific)


@needs_redis
def test_with_too_many_posts_on_their_way_nobody_carries_them(stored, member, prolific, monkeypatch):
    monkeypatch.setattr(queries, "PENDING_MAX", 1)
    ids(member)
    for number in range(2):
        Post(author=prolific, content=f"n{number}").publish()

    assert ids(member) == newest(prolific)


@needs_redis
def test_another_timeline_or_a_rebuild_makes_all_lists_useless(stored, member, prolific, settings):
    TimelineEpoch.renew_if_kept_by_another()
    ids(member)
    TimelineEpoch.renew_if_kept_by_another()
    epoch = TimelineEpoch.objects.get().value
    chosen, settings.HOME_TIMELINE = settings.HOME_TIMELINE, "posts.timelines.normalized.NormalizedTimeline"
    TimelineEpoch.renew_if_kept_by_another()
    unseen = PostFactory(author=prolific)
    settings.HOME_TIMELINE = chosen
    assert TimelineEpoch.objects.get().value != epoch
    assert ids(member)[0] == unseen.pk

    PulledAuthor.objects.create(author=prolific)
    call_command("rebuild_timelines", stdout=mock.Mock())
    assert not list(stored.store.redis.scan_iter("timeline:*"))
    assert not PulledAuthor.objects.exists()


def test_a_redis_that_is_not_there_costs_nothing_but_speed(member, prolific, settings, stored):
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"
    store = home_timeline().store

    for _ in range(3):
        assert ids(member) == newest(prolific)
    with pytest.raises(CommandError, match="Redis still holds it"):
        call_command("rebuild_timelines")
    assert store.breaker.rests_until > 0


def test_a_redis_that_hangs_is_waited_for_once_and_not_for_long(member, prolific, settings, stored):
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.TIMELINE_REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        for _ in range(3):
            assert ids(member) == newest(prolific)
        server.setblocking(False)
        server.accept()
        with pytest.raises(BlockingIOError):
            server.accept()
    assert TIMEOUT <= 0.25


def test_while_redis_is_away_posts_wait_and_are_shown(member, prolific, settings, stored):
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"
    post = Post(author=prolific, content="new")
    post.publish()
    with pytest.raises(Unavailable):
        tasks.carry(PendingPost.objects.all())

    assert PendingPost.objects.exists()
    assert ids(member)[0] == post.pk


@pytest.mark.parametrize("path", [WRITE, READ])
def test_a_fan_out_timeline_without_redis_is_refused_at_the_start(settings, path):
    settings.HOME_TIMELINE = path
    settings.TIMELINE_REDIS_URL = ""
    assert [error.id for error in run_checks()] == ["posts.E003"]
