"""`manage.py audit` finds and fixes what is wrong with posts."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.common import auditing
from accounts.tests.factories import UserFactory
from accounts.tests.test_audit import report, wrong
from posts import audit
from posts.ids import first_id_at
from posts.models import Post
from posts.paths import path_below
from posts.reading.models import ReadMarker
from posts.tests.factories import PostFactory, ReportFactory
from posts.timelines.redis.models import PendingPost


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch, empty_storage):
    monkeypatch.setattr(auditing, "PAUSE", 0)


def plant_post_of_tomorrow(member):
    PostFactory(author=member, id=first_id_at(timezone.now() + timedelta(days=1)))


def plant_reply_elsewhere(member):
    reply = PostFactory(author=member, in_reply_to=PostFactory())
    Post.objects.filter(pk=reply.pk).update(path=path_below(b"", reply.pk + 1))


def plant_open_report(member):
    post = PostFactory(author=member, hidden_on=timezone.now())
    ReportFactory(post=post)


def plant_marker_of_tomorrow(member):
    ReadMarker.start(member, first_id_at(timezone.now() + timedelta(days=1)))


def plant_abandoned_post(member):
    PendingPost.objects.create(post=PostFactory(author=member))
    PendingPost.objects.update(created_on=timezone.now() - timedelta(days=1))


VIOLATIONS = {
    audit.PostIds: plant_post_of_tomorrow,
    audit.Replies: plant_reply_elsewhere,
    audit.OpenReports: plant_open_report,
    audit.ReadMarkers: plant_marker_of_tomorrow,
    audit.PendingPosts: plant_abandoned_post,
}


def test_there_is_a_violation_for_every_check():
    checks = {type(check) for check in auditing.all_checks() if type(check).__module__ == audit.__name__}
    assert checks == {*VIOLATIONS}


@pytest.mark.parametrize("check", VIOLATIONS, ids=lambda check: check.__name__)
def test_a_violation_is_found_and_fixed_if_that_is_safe(member, check):
    VIOLATIONS[check](member)

    assert wrong() == {check.__name__: 1}
    assert wrong(fix=True) == ({} if check.can_fix else {check.__name__: 1})


@pytest.mark.parametrize(
    "fields",
    [
        {"path": path_below(b"", 7)},
        {"thread": 7},
        {"in_reply_to_author": None},
    ],
)
@pytest.mark.parametrize("depth", [1, 2])
def test_a_reply_elsewhere_is_put_below_the_post_that_it_replies_to(member, depth, fields):
    above = PostFactory()
    for _level in range(depth):
        above = reply = PostFactory(author=member, in_reply_to=above)
    Post.objects.filter(pk=reply.pk).update(**fields)

    assert wrong() == {"Replies": 1}
    assert wrong(fix=True) == {}
    stored = Post.objects.get(pk=reply.pk)
    assert (stored.thread, bytes(stored.path)) == (reply.thread, reply.path)
    assert stored.in_reply_to_author_id == reply.in_reply_to_author_id


def test_a_reply_to_a_deleted_post_is_right_at_any_depth(member):
    first = PostFactory()
    above = PostFactory(in_reply_to=first)
    reply = PostFactory(author=member, in_reply_to=above)
    above.delete()
    assert wrong() == {}

    for path in (path_below(b"", 7), b""):
        Post.objects.filter(pk=reply.pk).update(path=path)
        assert wrong() == {"Replies": 1}
    assert wrong(fix=True) == {}
    assert bytes(Post.objects.get(pk=reply.pk).path) == path_below(b"", reply.pk)


@time_machine.travel("2026-11-27T12:00Z", tick=False)
def test_a_marker_from_the_future_is_set_to_the_present(member):
    plant_marker_of_tomorrow(member)
    report(fix=True)

    marker = ReadMarker.objects.get()
    assert marker.position == marker.divider <= first_id_at(timezone.now())


def test_the_audit_finds_nothing_wrong_on_a_site_in_use(member, member_client, run_jobs):
    post = PostFactory(author=UserFactory())
    member_client.post("/posts/add/", {"content": "Hello"})
    member_client.post(f"/posts/{post.pk}/report/", {"reason": "spam"})
    member_client.post(f"/posts/{post.pk}/reply/", {"content": "Hello, too"})
    member_client.get("/")
    Post.objects.get(pk=post.pk).hide()
    run_jobs()

    assert wrong() == {}
