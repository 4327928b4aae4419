"""A method that says nothing changed has changed nothing: no row of any table, and no event."""

from copy import copy
from datetime import timedelta

import pytest
from django.apps import apps
from django.dispatch import Signal
from django.utils import timezone

from accounts import signals as people_signals
from accounts.emails import kinds, outbox, plans
from accounts.models import Follow, Job, Turn, User
from accounts.models.job import MOST_WORKERS
from accounts.tests.factories import FollowFactory, UserFactory
from posts import signals as post_signals
from posts.forms import ReportForm
from posts.models import HomeFeed, Post, Report
from posts.tests.factories import PostFactory


def all_rows():
    return {
        model._meta.label: sorted(map(repr, model._base_manager.values()))
        for model in apps.get_models()
        if not model._meta.proxy
    }


@pytest.fixture
def events():
    """The events published since the test began."""
    seen = []

    def remember(signal, **kwargs):
        seen.append(signal)

    watched = [
        signal
        for module in (people_signals, post_signals)
        for signal in vars(module).values()
        if isinstance(signal, Signal)
    ]
    for signal in watched:
        signal.connect(remember)
    yield seen
    for signal in watched:
        signal.disconnect(remember)


def follows_each_other():
    ada, bob = UserFactory(), UserFactory()
    ada.follow(bob)
    bob.follow(ada)
    return ada, bob


def reported(post):
    Report.objects.create(reporter=UserFactory(), post=post, reason="spam")
    return post


def follow_twice():
    ada, bob = follows_each_other()
    return lambda: ada.follow(bob)


def follow_oneself():
    ada = UserFactory()
    return lambda: ada.follow(ada)


def follow_over_a_block():
    ada, bob = follows_each_other()
    bob.block(ada)
    return lambda: ada.follow(bob)


def follow_someone_suspended():
    ada, bob = UserFactory(), UserFactory()
    bob.suspend()
    return lambda: ada.follow(bob)


def unfollow_nobody():
    ada, bob = UserFactory(), UserFactory()
    bob.follow(ada)
    return lambda: ada.unfollow(bob)


def block_twice():
    ada, bob = UserFactory(), UserFactory()
    ada.block(bob)
    # One that another request stored at the same moment as the block.
    FollowFactory(follower=bob, followed=ada)
    return lambda: ada.block(bob)


def block_oneself():
    ada = UserFactory()
    return lambda: ada.block(ada)


def unblock_nobody():
    ada, bob = follows_each_other()
    return lambda: ada.unblock(bob)


def unblock_the_blocker():
    ada, bob = UserFactory(), UserFactory()
    bob.block(ada)
    FollowFactory(follower=bob, followed=ada)
    return lambda: ada.unblock(bob)


def suspend_twice():
    ada = UserFactory()
    ada.suspend()
    return User.objects.get(pk=ada.pk).suspend


def reinstate_nobody():
    return UserFactory(is_active=False).reinstate


def leave_twice():
    ada = UserFactory()
    in_another_tab = User.objects.get(pk=ada.pk)
    ada.leave()
    return in_another_tab.leave


def leave_again():
    ada = UserFactory()
    ada.leave()
    return ada.leave


def remove_no_picture():
    return UserFactory().remove_picture


def remove_a_picture_that_is_gone():
    ada = UserFactory(picture="a" * 32)
    in_another_tab = copy(ada)
    ada.remove_picture()
    return in_another_tab.remove_picture


def edit_nothing():
    post = PostFactory(created_on=timezone.now())
    return lambda: post.edit(post.content)


def edit_what_is_gone():
    post = PostFactory(created_on=timezone.now())
    Post.objects.all().delete()
    return lambda: post.edit("x")


def hide_twice():
    post = PostFactory()
    post.hide()
    return reported(post).hide


def restore_what_is_visible():
    return reported(PostFactory()).restore


def dismiss_twice():
    post = reported(PostFactory())
    post.dismiss()
    return post.dismiss


def revoke_no_feed():
    ada = UserFactory()
    return lambda: HomeFeed.revoke(ada)


def report_twice():
    report = Report.objects.create(reporter=UserFactory(), post=PostFactory(), reason="spam")
    form = ReportForm(
        {"reason": "abuse", "note": "again"}, instance=Report(reporter=report.reporter, post=report.post)
    )
    assert form.is_valid()
    return form.save


def mail_twice():
    ada = UserFactory()
    outbox.mail("follower_milestone", ada, "10", threshold=10)
    return lambda: outbox.mail("follower_milestone", ada, "10", threshold=10)


def choose_the_same():
    ada, kind = UserFactory(), kinds.get("new_follower")
    UserFactory().follow(ada)
    plans.choose(ada, kind, "at_once")
    return lambda: plans.choose(ada, kind, "at_once")


def choose_never_again():
    ada, kind = UserFactory(), kinds.get("follower_statement")
    plans.choose(ada, kind, "never")
    return lambda: plans.choose(ada, kind, "never")


def some_job(**fields):
    follows_each_other()
    Job.objects.update(**fields)
    return Job.objects.first()


def try_again_what_waits():
    return some_job().try_again


def try_again_what_is_done():
    return some_job(status="SUCCESSFUL", finished_at=timezone.now()).try_again


def lose_the_worker_of(status, tries):
    now = timezone.now()
    job = some_job(status="RUNNING", started_at=now, worker_ids=["elsewhere:1:x"] * tries)
    # Meanwhile its worker has ended it, or another has begun it.
    Job.objects.update(status=status, started_at=now + timedelta(seconds=1))
    return job.lose_worker


def lose_a_worker_that_is_done():
    return lose_the_worker_of("SUCCESSFUL", 1)


def lose_the_last_worker_that_is_done():
    return lose_the_worker_of("SUCCESSFUL", MOST_WORKERS)


def lose_the_last_worker_of_an_earlier_run():
    return lose_the_worker_of("RUNNING", MOST_WORKERS)


def take_a_turn_twice():
    Turn.take("x", 7, list)
    return lambda: Turn.take("x", 7, UserFactory)


CASES = [
    follow_twice, follow_oneself, follow_over_a_block, follow_someone_suspended, unfollow_nobody,
    block_twice, block_oneself, unblock_nobody, unblock_the_blocker,
    suspend_twice, reinstate_nobody, leave_twice, leave_again, remove_no_picture, remove_a_picture_that_is_gone,
    edit_nothing, edit_what_is_gone, hide_twice, restore_what_is_visible, dismiss_twice, report_twice,
    revoke_no_feed, mail_twice, choose_the_same, choose_never_again,
    try_again_what_waits, try_again_what_is_done, lose_a_worker_that_is_done, lose_the_last_worker_that_is_done,
    lose_the_last_worker_of_an_earlier_run, take_a_turn_twice,
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("prepare", CASES, ids=lambda case: case.__name__)
def test_what_says_that_nothing_changed_has_changed_nothing(prepare, events):
    act = prepare()
    before = all_rows()
    events.clear()

    assert not act()
    assert all_rows() == before
    assert events == []


@pytest.mark.django_db
def test_the_button_of_a_stale_page_ends_no_follows(client):
    ada, bob = follows_each_other()
    client.force_login(ada)
    client.post(f"/@{bob.username}/unblock/")

    assert Follow.objects.count() == 2


@pytest.mark.django_db
def test_a_feed_that_was_not_there_is_not_said_to_be_revoked(client):
    client.force_login(UserFactory())

    assert (
        "no longer works" not in client.post("/users/feeds/", {"do": "revoke"}, follow=True).content.decode()
    )


@pytest.mark.django_db
def test_a_picture_is_removed_that_this_object_does_not_know_of(events):
    ada = UserFactory()
    User.objects.filter(pk=ada.pk).update(picture="a" * 32)

    assert ada.remove_picture() is True
    assert User.objects.get().picture == ""
    assert events == [people_signals.profile_changed]
