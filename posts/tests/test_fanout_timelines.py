"""The fan-out timelines while Redis works. test_contract.py checks that their pages are right."""

from accounts.common.cursors import Cursor
from accounts.tests.factories import FollowFactory
from posts.models import Post
from posts.tests.fanout import ids, listed_ids, needs_redis, newest, only_from_redis
from posts.timelines import home_timeline
from posts.timelines.redis.fanout_write import FanOutOnWriteTimeline, key_of
from posts.timelines.redis.models import HighFanoutAuthor, PendingPost, TimelineVersion
from posts.timelines.redis.tasks import fan_out_post


@needs_redis
def test_the_first_page_is_stored_and_later_ones_come_from_redis(
    fanout_timeline, member, prolific, django_assert_num_queries
):
    with only_from_redis():
        assert ids(member) == newest(prolific)
        with django_assert_num_queries(1):
            ids(member)


@needs_redis
def test_a_new_post_is_shown_at_once_and_then_fanned_out(fanout_timeline, member, prolific, run_jobs):
    ids(member)
    post = Post(author=prolific, content="new")
    post.publish()

    with only_from_redis():
        assert ids(member)[0] == post.pk
        run_jobs()
        assert not PendingPost.objects.exists()
        assert ids(member) == newest(prolific)


@needs_redis
def test_the_second_page_comes_from_the_list_too(write_timeline, member, prolific):
    page = write_timeline.page(member, Cursor())
    with only_from_redis():
        assert len(ids(member, Cursor(before=page.older))) == 5


@needs_redis
def test_a_page_older_than_the_list_needs_no_extra_query(
    write_timeline, member, prolific, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(FanOutOnWriteTimeline, "IDS_IN_NEW_LIST", 5)
    page = write_timeline.page(member, Cursor())
    with django_assert_num_queries(1):
        assert len(ids(member, Cursor(before=page.older))) == 5


@needs_redis
def test_a_home_page_needs_as_many_queries_as_with_the_normalized_timeline(
    fanout_timeline, member_client, member, prolific, django_assert_num_queries
):
    member_client.get("/")
    # Session, user, posts, what the reader did, and the newest notification.
    with django_assert_num_queries(5):
        assert len(member_client.get("/").context["page"]) == 20


@needs_redis
def test_a_reader_who_has_not_visited_has_no_list(write_timeline, member, prolific, run_jobs):
    Post(author=prolific, content="new").publish()
    run_jobs()
    assert not write_timeline.client.redis.exists(key_of(member.pk))

    ids(member)
    assert write_timeline.client.redis.exists(key_of(member.pk))


@needs_redis
def test_a_list_does_not_grow_beyond_its_limit(write_timeline, member, prolific, run_jobs, monkeypatch):
    monkeypatch.setattr(FanOutOnWriteTimeline, "IDS_PER_LIST", 26)
    ids(member)
    for number in range(4):
        Post(author=prolific, content=f"n{number}").publish()
    run_jobs()

    assert len(listed_ids(write_timeline, member)) == 26
    assert ids(member) == newest(prolific)


@needs_redis
def test_posts_of_high_fanout_authors_are_looked_up(write_timeline, member, prolific, run_jobs, monkeypatch):
    monkeypatch.setattr(FanOutOnWriteTimeline, "FOLLOWERS_MAX", 1)
    FollowFactory(followed=prolific)
    ids(member)
    post = Post(author=prolific, content="new")
    post.publish()
    run_jobs()

    assert HighFanoutAuthor.objects.get().author == prolific
    assert post.pk not in listed_ids(write_timeline, member)
    with only_from_redis():
        assert ids(member) == newest(prolific)


def test_the_normalized_timeline_needs_no_rows_and_no_jobs(member, prolific, run_jobs):
    Post(author=prolific, content="new").publish()
    member.unfollow(prolific)

    assert not PendingPost.objects.exists()
    assert not TimelineVersion.objects.exists()


def test_a_fan_out_job_does_nothing_after_the_change_to_the_normalized_timeline(member, prolific):
    """A job that failed would be retried for days, and its row would be reported by the audit."""
    post = prolific.posts.first()
    PendingPost.objects.create(post=post)
    assert not home_timeline().needs_redis
    fan_out_post.call(post.pk)

    assert not PendingPost.objects.exists()
