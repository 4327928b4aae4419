"""Authors and reporters learn what moderators decided about a post."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.moderation import tasks
from accounts.moderation.actions import moderate
from accounts.moderation.decisions import Decision, decide
from accounts.moderation.models import ModerationAction
from accounts.tests.factories import UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory, ReportFactory


@pytest.fixture
def moderator(db):
    return UserFactory(username="mo")


def hide(post, moderator):
    moderate(moderator, Post.hide, Post.objects.filter(pk=post.pk), "Advertising")
    return ModerationAction.objects.get(action="hide")


def after_five_minutes(clock, run_jobs):
    clock.shift(timedelta(minutes=5))
    run_jobs()


def test_the_author_is_told_by_email_and_on_the_post(
    clock, member, member_client, moderator, run_jobs, mailoutbox
):
    post = PostFactory(author=member, content="Buy followers! " * 30)
    action = hide(post, moderator)
    after_five_minutes(clock, run_jobs)
    (mail,) = mailoutbox
    assert mail.to == [member.email]
    assert mail.subject == "A moderator hid your post"
    assert "Buy followers! Buy followers!" in mail.body
    assert len(mail.body) < 1200
    for text in ("Advertising", f"/users/decisions/{action.pk}/appeal/", f"/posts/{post.pk}/"):
        assert text in mail.body

    page = member_client.get(f"/posts/{post.pk}/").content.decode()
    assert "Advertising" in page
    assert f'href="/users/decisions/{action.pk}/appeal/"' in page


def test_moderators_see_the_hidden_post_without_the_authors_appeal_link(member, moderator):
    post = PostFactory(author=member)
    hide(post, moderator)
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    assert "/appeal/" not in client.get(f"/posts/{post.pk}/").content.decode()


@pytest.mark.parametrize("end", [Post.restore, Post.delete])
def test_there_is_no_appeal_about_a_post_that_is_restored_or_gone(member, member_client, moderator, end):
    post = PostFactory(author=member)
    action = hide(post, moderator)
    options = {"by": moderator, "reason": "x"} if end is Post.restore else {}
    end(post, **options)
    page = member_client.post(f"/users/decisions/{action.pk}/appeal/", {"text": "No"}).content.decode()
    assert "nothing to appeal" in page
    assert not member.appeals.exists()


def test_the_reporter_hears_that_it_was_hidden_and_nothing_more(
    clock, member, moderator, run_jobs, mailoutbox
):
    post = PostFactory(author=UserFactory(username="bob", email=None))
    ReportFactory(reporter=member, post=post)
    hide(post, moderator)
    post.author.block(member)
    after_five_minutes(clock, run_jobs)
    (mail,) = mailoutbox
    assert mail.to == [member.email]
    assert "We looked at your report about @bob's post. We hid it." in mail.body
    assert "Advertising" not in mail.body
    assert "List-Unsubscribe" in mail.extra_headers


def test_the_reporter_hears_that_nothing_was_done(clock, member, moderator, run_jobs, mailoutbox):
    post = PostFactory()
    ReportFactory(reporter=member, post=post)
    decide(moderator, [post], Decision.DISMISS, reason="Fine")
    after_five_minutes(clock, run_jobs)
    (mail,) = mailoutbox
    assert "took no action" in mail.body
    assert "Fine" not in mail.body


def test_the_reporter_hears_nothing_of_what_was_undone_or_if_they_do_not_want_to(
    clock, member, moderator, run_jobs, mailoutbox
):
    post = PostFactory(author=UserFactory(email=None))
    ReportFactory(reporter=member, post=post)
    other = ReportFactory(post=post).reporter
    other.notification_preferences.create(type="report_outcome", frequency="never")
    action = hide(post, moderator)
    post.restore(by=moderator, reason="", undoes=action)
    after_five_minutes(clock, run_jobs)
    assert mailoutbox == []


def test_a_reporter_who_was_told_nothing_yet_hears_once_if_the_job_runs_twice(
    clock, member, moderator, run_jobs, mailoutbox
):
    post = PostFactory(author=UserFactory(email=None))
    ReportFactory(reporter=member, post=post)
    action = hide(post, moderator)
    clock.shift(timedelta(minutes=5))
    tasks.tell_reporters.func(action.pk)
    tasks.tell_reporters.func(action.pk)
    run_jobs()
    assert len(mailoutbox) == 1


def test_many_reporters_are_told_in_several_jobs(clock, moderator, run_jobs, mailoutbox, monkeypatch):
    monkeypatch.setattr(tasks, "BATCH", 2)
    post = PostFactory(author=UserFactory(email=None))
    for _number in range(5):
        ReportFactory(post=post)
    hide(post, moderator)
    after_five_minutes(clock, run_jobs)
    assert len(mailoutbox) == 5
