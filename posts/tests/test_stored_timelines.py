"""The fan-out timelines when all is well, and when Redis is not. That their pages are right is test_contract.py's."""

import socket
from unittest import mock

import pytest
from django.conf import settings as site_settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.paging import Cursor
from accounts.tests.factories import FollowFactory, UserFactory
from posts import tasks
from posts.breaker import Unavailable
from posts.models import PendingPost, Post, PulledAuthor, TimelineEpoch
from posts.tests.factories import PostFactory
from posts.timelines import home_timeline, queries
from posts.timelines.fanout_write import FanOutOnWriteTimeline, key_of
from posts.timelines.normalized import NormalizedTimeline
from posts.timelines.store import TIMEOUT

WRITE = "posts.timelines.fanout_write.FanOutOnWriteTimeline"
READ = "posts.timelines.fanout_read.FanOutOnReadTimeline"
needs_redis = pytest.mark.skipif(not site_settings.TIMELINE_REDIS_URL, reason="needs CACHE_URL on Redis")


@pytest.fixture(params=[WRITE, READ], ids=["write", "read"])
def timeline(request, settings, db):
    settings.HOME_TIMELINE = request.param
    settings.TIMELINE_REDIS_URL = settings.TIMELINE_REDIS_URL or "redis://127.0.0.1:1/0"
    return home_timeline()


@pytest.fixture
def write(settings, db):
    settings.HOME_TIMELINE = WRITE
    return home_timeline()


@pytest.fixture
def bob(member):
    """Whom the member follows; has written 25 posts."""
    bob = FollowFactory(follower=member, followed=UserFactory(username="bob")).followed
    for _ in range(25):
        PostFactory(author=bob)
    return bob


FIRST_PAGE = Cursor()


def ids(reader, cursor=FIRST_PAGE):
    return [post.pk for post in home_timeline().page(reader, cursor)]


def newest(author):
    return list(Post.objects.filter(author=author).order_by("-id").values_list("pk", flat=True)[:20])


def only_stored():
    """Within, every page must come from what is stored."""
    return mock.patch.object(
        NormalizedTimeline, "posts", side_effect=AssertionError("not from what is stored")
    )


def stored_ids(timeline, reader):
    return [int(id) for id in timeline.store.redis.zrange(key_of(reader.pk), 1, -1)]


@needs_redis
def test_the_first_look_stores_and_the_next_come_from_there(timeline, member, bob, django_assert_num_queries):
    with only_stored():
        assert ids(member) == newest(bob)
        with django_assert_num_queries(1):
            ids(member)


@needs_redis
def test_a_new_post_is_there_at_once_and_is_carried_by_the_worker(timeline, member, bob, run_jobs):
    ids(member)
    post = Post(author=bob, content="new")
    post.publish()

    with only_stored():
        assert ids(member)[0] == post.pk
        run_jobs()
        assert not PendingPost.objects.exists()
        assert ids(member) == newest(bob)


@needs_redis
def test_the_second_page_comes_from_the_list_too(write, member, bob):
    page = write.page(member, Cursor())
    with only_stored():
        assert len(ids(member, Cursor(before=page.older))) == 5


@needs_redis
def test_a_page_further_down_than_is_stored_costs_no_query_more(
    write, member, bob, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(FanOutOnWriteTimeline, "BUILT", 5)
    page = write.page(member, Cursor())
    with django_assert_num_queries(1):
        assert len(ids(member, Cursor(before=page.older))) == 5


@needs_redis
def test_a_home_page_asks_for_session_user_and_timeline(
    timeline, member_client, member, bob, django_assert_num_queries
):
    member_client.get("/")
    with django_assert_num_queries(3):
        assert len(member_client.get("/").context["page"]) == 20


@needs_redis
def test_nobody_keeps_a_list_for_who_does_not_come(write, member, bob, run_jobs):
    Post(author=bob, content="new").publish()
    run_jobs()
    assert not write.store.redis.exists(key_of(member.pk))


@needs_redis
def test_a_list_holds_no_more_than_its_measure(write, member, bob, run_jobs, monkeypatch):
    monkeypatch.setattr(FanOutOnWriteTimeline, "KEPT", 26)
    ids(member)
    for number in range(4):
        Post(author=bob, content=f"n{number}").publish()
    run_jobs()

    assert len(stored_ids(write, member)) == 26
    assert ids(member) == newest(bob)


@needs_redis
def test_posts_of_somebody_with_very_many_followers_are_looked_up(write, member, bob, run_jobs, monkeypatch):
    monkeypatch.setattr(FanOutOnWriteTimeline, "FOLLOWERS_MAX", 1)
    FollowFactory(followed=bob)
    ids(member)
    post = Post(author=bob, content="new")
    post.publish()
    run_jobs()

    assert PulledAuthor.objects.get().author == bob
    assert post.pk not in stored_ids(write, member)
    with only_stored():
        assert ids(member) == newest(bob)


@needs_redis
def test_two_workers_on_the_same_post_store_it_once(timeline, member, bob):
    ids(member)
    Post(author=bob, content="new").publish()
    pending = PendingPost.objects.get()
    timeline.carry(pending)
    pending.refresh_from_db()
    timeline.carry(PendingPost(post=pending.post, created_on=pending.created_on))
    pending.delete()

    with only_stored():
        assert ids(member) == newest(bob)


@needs_redis
def test_what_a_killed_worker_left_is_gone_on_with(write, member, bob, monkeypatch):
    """Redis is full, or the worker killed, after the first batch of three."""
    monkeypatch.setattr(FanOutOnWriteTimeline, "BATCH", 1)
    readers = [member, *(FollowFactory(followed=bob).follower for _ in range(2))]
    for reader in readers:
        ids(reader)
    post = Post(author=bob, content="new")
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
def test_what_others_left_behind_is_carried_with_the_next_post(write, member, bob, run_jobs):
    ids(member)
    PendingPost.objects.create(post=PostFactory(author=bob))
    PendingPost.objects.update(created_on="2026-01-01T00:00Z")
    Post(author=bob, content="new").publish()
    run_jobs()

    assert not PendingPost.objects.exists()


@needs_redis
def test_a_follow_between_reading_and_storing_makes_the_list_useless(timeline, member, bob):
    """Follow and unfollow race a build: what was read before is stored under the stamp of before."""
    cleo = PostFactory().author
    stores = timeline.finish if hasattr(timeline, "finish") else timeline.store_follows

    def follow_first(*args):
        member.follow(cleo)
        return stores(*args)

    with mock.patch.object(
        timeline, "finish" if hasattr(timeline, "finish") else "store_follows", follow_first
    ):
        assert newest(cleo)[0] in ids(member)
    assert newest(cleo)[0] in ids(member)


@needs_redis
def test_an_emptied_redis_costs_one_build(timeline, member, bob):
    ids(member)
    timeline.store.redis.flushdb()
    with only_stored():
        assert ids(member) == newest(bob)
        assert ids(member) == newest(bob)


@needs_redis
def test_what_came_back_from_an_old_snapshot_is_never_read(timeline, member, bob):
    ids(member)
    lost = PostFactory(author=bob)  # As if a write to Redis had been lost with it.
    redis, list_key = timeline.store.redis, key_of(member.pk)
    if isinstance(timeline, FanOutOnWriteTimeline):
        marker = redis.zrange(list_key, 0, 0)[0]
        redis.zrem(list_key, marker)
        redis.zadd(list_key, {marker.replace(marker.split()[1], b"f" * 40): -1})
    else:
        redis.hset("timeline:author:heads", "run", "f" * 40)

    assert ids(member)[0] == lost.pk


@needs_redis
@pytest.mark.parametrize("foreign", ["text", {"1": 1, "2": 2}])
def test_foreign_keys_in_our_place_show_no_wrong_page(timeline, member, bob, foreign):
    redis = timeline.store.redis
    for key in (key_of(member.pk), "timeline:author:heads", f"timeline:author:follows:{member.pk}"):
        redis.set(key, foreign) if isinstance(foreign, str) else redis.zadd(key, foreign)

    assert ids(member) == newest(bob)


@needs_redis
def test_with_too_many_posts_on_their_way_nobody_carries_them(timeline, member, bob, monkeypatch):
    monkeypatch.setattr(queries, "PENDING_MAX", 1)
    ids(member)
    for number in range(2):
        Post(author=bob, content=f"n{number}").publish()

    assert ids(member) == newest(bob)


@needs_redis
def test_another_timeline_or_a_rebuild_makes_all_lists_useless(timeline, member, bob, settings):
    TimelineEpoch.renew_if_kept_by_another()
    ids(member)
    TimelineEpoch.renew_if_kept_by_another()
    epoch = TimelineEpoch.objects.get().value
    chosen, settings.HOME_TIMELINE = settings.HOME_TIMELINE, "posts.timelines.normalized.NormalizedTimeline"
    TimelineEpoch.renew_if_kept_by_another()
    unseen = PostFactory(author=bob)
    settings.HOME_TIMELINE = chosen
    assert TimelineEpoch.objects.get().value != epoch
    assert ids(member)[0] == unseen.pk

    PulledAuthor.objects.create(author=bob)
    call_command("rebuild_timelines", stdout=mock.Mock())
    assert not list(timeline.store.redis.scan_iter("timeline:*"))
    assert not PulledAuthor.objects.exists()


def test_a_redis_that_is_not_there_costs_nothing_but_speed(member, bob, settings, timeline):
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"
    store = home_timeline().store

    for _ in range(3):
        assert ids(member) == newest(bob)
    with pytest.raises(CommandError, match="Redis still holds it"):
        call_command("rebuild_timelines")
    assert store.breaker.rests_until > 0


def test_a_redis_that_hangs_is_waited_for_once_and_not_for_long(member, bob, settings, timeline):
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.TIMELINE_REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        for _ in range(3):
            assert ids(member) == newest(bob)
        server.setblocking(False)
        server.accept()
        with pytest.raises(BlockingIOError):
            server.accept()
    assert TIMEOUT <= 0.25


def test_while_redis_is_away_posts_wait_and_are_shown(member, bob, settings, timeline):
    settings.TIMELINE_REDIS_URL = "redis://127.0.0.1:1/0"
    post = Post(author=bob, content="new")
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
