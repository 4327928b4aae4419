"""What `manage.py audit` finds among posts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import auditing
from accounts.tests.factories import UserFactory
from accounts.tests.test_audit import report, wrong
from posts import audit
from posts.ids import first_id_at
from posts.models import PendingPost, Post, ReadMark, Report
from posts.tests.factories import PostFactory


@pytest.fixture(autouse=True)
def _at_once(monkeypatch, empty_storage):
    monkeypatch.setattr(auditing, "PAUSE", 0)


def plant_post_of_tomorrow(member):
    PostFactory(author=member, id=first_id_at(timezone.now() + timedelta(days=1)))


def plant_open_report(member):
    post = PostFactory(author=member, hidden_on=timezone.now())
    Report.objects.create(reporter=UserFactory(), post=post, reason="spam")


def plant_mark_of_tomorrow(member):
    ReadMark.begin(member, first_id_at(timezone.now() + timedelta(days=1)))


def plant_post_left_behind(member):
    PendingPost.objects.create(post=PostFactory(author=member))
    PendingPost.objects.update(created_on=timezone.now() - timedelta(days=1))


PLANTED = {
    audit.PostIds: plant_post_of_tomorrow,
    audit.OpenReports: plant_open_report,
    audit.ReadMarks: plant_mark_of_tomorrow,
    audit.PendingPosts: plant_post_left_behind,
}


def test_something_is_planted_for_every_check():
    ours = {type(check) for check in auditing.all_checks() if type(check).__module__ == audit.__name__}
    assert ours == {*PLANTED}


@pytest.mark.parametrize("check", PLANTED, ids=lambda check: check.__name__)
def test_what_is_wrong_is_found_and_repaired_if_that_is_safe(member, check):
    PLANTED[check](member)

    assert wrong() == {check.__name__: 1}
    assert wrong(fix=True) == ({} if check.can_fix else {check.__name__: 1})


def test_a_mark_from_the_future_is_set_to_now(member):
    plant_mark_of_tomorrow(member)
    report(fix=True)

    mark = ReadMark.objects.get()
    assert mark.position == mark.line <= first_id_at(timezone.now())


def test_posts_reports_and_marks_of_a_busy_site_are_right(member, member_client, run_jobs):
    post = PostFactory(author=UserFactory())
    member_client.post("/posts/add/", {"content": "Hello"})
    member_client.post(f"/posts/{post.pk}/report/", {"reason": "spam"})
    member_client.get("/")
    Post.objects.get(pk=post.pk).hide()
    run_jobs()

    assert wrong() == {}
