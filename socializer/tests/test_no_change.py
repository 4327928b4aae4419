"""Methods that return False change nothing: no row of any table, and no event."""

from copy import copy
from datetime import timedelta

import pytest
from django.apps import apps
from django.dispatch import Signal
from django.utils import timezone

from accounts import signals as people_signals
from accounts.emails import outbox
from accounts.jobs.models import MAX_ATTEMPTS_LOST, Job, PeriodicRun
from accounts.models import Follow, User
from accounts.moderation.decisions import Decision, DecisionRefused, decide
from accounts.moderation.forms import ReportForm
from accounts.moderation.models import Report
from accounts.notifications import digests, types
from accounts.tests.factories import FollowFactory, UserFactory
from posts import signals as post_signals
from posts.feeds.models import HomeFeed
from posts.models import Post
from posts.tests.factories import PostFactory, ReportFactory


def all_rows():
    return {
        model._meta.label: sorted(map(repr, model._base_manager.values()))
        for model in apps.get_models()
        if not model._meta.proxy
    }


@pytest.fixture
def events():
    """The signals sent since the test started."""
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
    ReportFactory(post=post)
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
    # A follow that another request stored at the same time as the block.
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
    moderator = UserFactory()
    decide(moderator, [post], Decision.DISMISS)

    def dismiss():
        with pytest.raises(DecisionRefused):
            decide(moderator, [post], Decision.DISMISS)
        return False

    return dismiss


def revoke_no_feed():
    ada = UserFactory()
    return lambda: HomeFeed.revoke(ada)


def report_twice():
    post = PostFactory()
    report = ReportFactory(post=post)
    same = Report.new(post, reporter=report.reporter)
    form = ReportForm({"reason": "abuse", "note": "again"}, instance=same)
    assert form.is_valid()
    return form.save


def enqueue_twice():
    ada = UserFactory()
    outbox.enqueue("follower_milestone", ada, "10", threshold=10)
    return lambda: outbox.enqueue("follower_milestone", ada, "10", threshold=10)


def choose_the_same():
    ada, kind = UserFactory(), types.get("new_follower")
    UserFactory().follow(ada)
    digests.choose(ada, kind, "at_once")
    return lambda: digests.choose(ada, kind, "at_once")


def choose_never_again():
    ada, kind = UserFactory(), types.get("follower_statement")
    digests.choose(ada, kind, "never")
    return lambda: digests.choose(ada, kind, "never")


def some_job(**fields):
    follows_each_other()
    Job.objects.update(**fields)
    return Job.objects.first()


def retry_a_waiting_job():
    return some_job().retry


def retry_a_finished_job():
    return some_job(status="SUCCESSFUL", finished_at=timezone.now()).retry


def lose_the_worker_of(status, tries):
    now = timezone.now()
    job = some_job(status="RUNNING", started_at=now, worker_ids=["elsewhere:1:x"] * tries)
    # Meanwhile its worker has finished it, or another has started it.
    Job.objects.update(status=status, started_at=now + timedelta(seconds=1))
    return job.worker_lost


def lose_a_worker_that_is_done():
    return lose_the_worker_of("SUCCESSFUL", 1)


def lose_the_last_worker_that_is_done():
    return lose_the_worker_of("SUCCESSFUL", MAX_ATTEMPTS_LOST)


def lose_the_last_worker_of_an_earlier_run():
    return lose_the_worker_of("RUNNING", MAX_ATTEMPTS_LOST)


def claim_a_period_twice():
    PeriodicRun.claim("x", 7, list)
    return lambda: PeriodicRun.claim("x", 7, UserFactory)


CASES = [
    follow_twice, follow_oneself, follow_over_a_block, follow_someone_suspended, unfollow_nobody,
    block_twice, block_oneself, unblock_nobody, unblock_the_blocker,
    suspend_twice, reinstate_nobody, leave_twice, leave_again, remove_no_picture, remove_a_picture_that_is_gone,
    edit_nothing, edit_what_is_gone, hide_twice, restore_what_is_visible, dismiss_twice, report_twice,
    revoke_no_feed, enqueue_twice, choose_the_same, choose_never_again,
    retry_a_waiting_job, retry_a_finished_job, lose_a_worker_that_is_done, lose_the_last_worker_that_is_done,
    lose_the_last_worker_of_an_earlier_run, claim_a_period_twice,
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("prepare", CASES, ids=lambda case: case.__name__)
def test_a_method_that_returns_false_changes_nothing(prepare, events):
    act = prepare()
    before = all_rows()
    events.clear()

    assert not act()
    assert all_rows() == before
    assert events == []


@pytest.mark.django_db
def test_a_button_on_a_stale_page_ends_no_follows(client):
    ada, bob = follows_each_other()
    client.force_login(ada)
    client.post(f"/@{bob.username}/unblock/")

    assert Follow.objects.count() == 2


@pytest.mark.django_db
def test_no_message_claims_that_a_missing_feed_was_revoked(client):
    client.force_login(UserFactory())

    assert (
        "no longer works" not in client.post("/users/feeds/", {"do": "revoke"}, follow=True).content.decode()
    )


@pytest.mark.django_db
def test_a_picture_newer_than_the_object_is_removed(events):
    ada = UserFactory()
    User.objects.filter(pk=ada.pk).update(picture="a" * 32)
    events.clear()

    assert ada.remove_picture() is True
    assert User.objects.get().picture == ""
    assert events == [people_signals.moderation_action_taken, people_signals.profile_changed]
