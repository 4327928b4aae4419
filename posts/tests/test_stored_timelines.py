"""The fan-out timelines when all is well. That their pages are right is test_contract.py's."""

from accounts.paging import Cursor
from accounts.tests.factories import FollowFactory
from posts.models import PendingPost, Post, PulledAuthor
from posts.tests.stored import ids, needs_redis, newest, only_stored, stored_ids
from posts.timelines.fanout_write import FanOutOnWriteTimeline, key_of


@needs_redis
def test_the_first_look_stores_and_the_next_come_from_there(
    stored, member, prolific, django_assert_num_queries
):
    with only_stored():
        assert ids(member) == newest(prolific)
        with django_assert_num_queries(1):
            ids(member)


@needs_redis
def test_a_new_post_is_there_at_once_and_is_carried_by_the_worker(stored, member, prolific, run_jobs):
    ids(member)
    post = Post(author=prolific, content="new")
    post.publish()

    with only_stored():
        assert ids(member)[0] == post.pk
        run_jobs()
        assert not PendingPost.objects.exists()
        assert ids(member) == newest(prolific)


@needs_redis
def test_the_second_page_comes_from_the_list_too(write, member, prolific):
    page = write.page(member, Cursor())
    with only_stored():
        assert len(ids(member, Cursor(before=page.older))) == 5


@needs_redis
def test_a_page_further_down_than_is_stored_costs_no_query_more(
    write, member, prolific, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(FanOutOnWriteTimeline, "BUILT", 5)
    page = write.page(member, Cursor())
    with django_assert_num_queries(1):
        assert len(ids(member, Cursor(before=page.older))) == 5


@needs_redis
def test_a_home_page_asks_for_session_user_and_timeline(
    stored, member_client, member, prolific, django_assert_num_queries
):
    member_client.get("/")
    with django_assert_num_queries(3):
        assert len(member_client.get("/").context["page"]) == 20


@needs_redis
def test_nobody_keeps_a_list_for_who_does_not_come(write, member, prolific, run_jobs):
    Post(author=prolific, content="new").publish()
    run_jobs()
    assert not write.store.redis.exists(key_of(member.pk))

    ids(member)
    assert write.store.redis.exists(key_of(member.pk))


@needs_redis
def test_a_list_holds_no_more_than_its_measure(write, member, prolific, run_jobs, monkeypatch):
    monkeypatch.setattr(FanOutOnWriteTimeline, "KEPT", 26)
    ids(member)
    for number in range(4):
        Post(author=prolific, content=f"n{number}").publish()
    run_jobs()

    assert len(stored_ids(write, member)) == 26
    assert ids(member) == newest(prolific)


@needs_redis
def test_posts_of_somebody_with_very_many_followers_are_looked_up(
    write, member, prolific, run_jobs, monkeypatch
):
    monkeypatch.setattr(FanOutOnWriteTimeline, "FOLLOWERS_MAX", 1)
    FollowFactory(followed=prolific)
    ids(member)
    post = Post(author=prolific, content="new")
    post.publish()
    run_jobs()

    assert PulledAuthor.objects.get().author == prolific
    assert post.pk not in stored_ids(write, member)
    with only_stored():
        assert ids(member) == newest(prolific)
