"""A member leaves or is suspended while something else that concerns them is happening."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import permutations
from threading import Barrier

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import CASCADE
from django.test import Client
from django.utils import timezone

from accounts import tasks
from accounts.audit import References
from accounts.common.auditing import run
from accounts.common.database_errors import AccountGone
from accounts.models import Block, Follow, Mute, User
from accounts.moderation.actions import lock, moderate
from accounts.moderation.forms import ReportForm
from accounts.moderation.models import Report
from accounts.notifications import digests, former_tasks, types
from accounts.notifications.models import DigestSchedule, Notification
from accounts.security import snapshots
from accounts.security.models import AccountSnapshot
from accounts.tests.factories import PASSWORD, FollowFactory, UserFactory
from accounts.tests.locking import begin, checked_during, is_locked, needs_row_locks
from posts.feeds.models import HomeFeed
from posts.models import Bookmark, Like, Mention, Post
from posts.tests.factories import PostFactory, ReportFactory

pytestmark = [needs_row_locks, pytest.mark.django_db(transaction=True)]


def report(reporter, post):
    form = ReportForm({"reason": "spam"}, instance=Report.new(post, reporter=reporter))
    assert form.is_valid()
    return form.save()


def make_digest(bob):
    DigestSchedule.objects.filter(recipient=bob).update(due_on=timezone.now())
    digests.advance(bob.digest_schedules.get(type="follower_statement").pk)


# What happens at the same time. Bob is the one who leaves. He has a post, follows Ada and is followed by her.
ACTS = {
    "he is followed": lambda bob, eve, ada: eve.follow(bob),
    "he follows": lambda bob, eve, ada: bob.follow(eve),
    "he is unfollowed": lambda bob, eve, ada: ada.unfollow(bob),
    "he unfollows": lambda bob, eve, ada: bob.unfollow(ada),
    "he is blocked": lambda bob, eve, ada: eve.block(bob),
    "he blocks": lambda bob, eve, ada: bob.block(eve),
    "he posts": lambda bob, eve, ada: Post(author=bob, content="Hello").publish(),
    "he edits": lambda bob, eve, ada: bob.posts.get().edit("Something else"),
    "he deletes a post": lambda bob, eve, ada: bob.posts.get().delete(),
    "his post is reported": lambda bob, eve, ada: report(eve, bob.posts.get()),
    "he reports": lambda bob, eve, ada: report(bob, Post.objects.get(author=eve)),
    "his post is hidden": lambda bob, eve, ada: moderate(
        eve, Post.hide, Post.objects.filter(author=bob), "Why"
    ),
    "he is suspended": lambda bob, eve, ada: moderate(
        eve, User.suspend, User.objects.filter(pk=bob.pk), "Why"
    ),
    "he moderates": lambda bob, eve, ada: moderate(bob, User.suspend, User.objects.filter(pk=eve.pk), "Why"),
    "his new follower is noted": lambda bob, eve, ada: former_tasks.record_follow.func(
        *Follow.objects.filter(followed=bob).values_list("pk", "follower", "followed").get(),
        timezone.now().isoformat(),
    ),
    "his follow is noted": lambda bob, eve, ada: former_tasks.record_follow.func(
        *Follow.objects.filter(follower=bob).values_list("pk", "follower", "followed").get(),
        timezone.now().isoformat(),
    ),
    "that he unfollowed is noted": lambda bob, eve, ada: former_tasks.record_unfollow.func(
        bob.pk, eve.pk, timezone.now().isoformat()
    ),
    "his digest is made": lambda bob, eve, ada: make_digest(bob),
    "he chooses": lambda bob, eve, ada: digests.choose(bob, types.get("new_follower"), "daily"),
    "he saves": lambda bob, eve, ada: bob.save(),
    "he makes a feed": lambda bob, eve, ada: HomeFeed.renew(bob, timezone.now()),
    "he is swept": lambda bob, eve, ada: (
        AccountSnapshot.objects.filter(pk=bob.pk).delete(),
        AccountSnapshot.create_missing([bob.pk]),
        snapshots.notify_changes(bob),
    ),
    "he logs in": lambda bob, eve, ada: Client().post(
        "/users/login/", {"login": bob.username, "password": PASSWORD}
    ),
    "he is recounted": lambda bob, eve, ada: tasks.recount_some.func(),
}


def make_people():
    bob, eve, ada = UserFactory(), UserFactory(), UserFactory()
    FollowFactory(follower=bob, followed=ada)
    FollowFactory(follower=ada, followed=bob)
    Post(author=bob, content="A post").publish()
    PostFactory(author=eve)
    for person in (bob, eve):
        digests.choose(person, types.get("follower_statement"), "daily")
    return bob, eve, ada


@pytest.fixture
def people(transactional_db):
    return make_people()


@pytest.fixture
def bob(people):
    return people[0]


@pytest.fixture
def eve(people):
    return people[1]


@pytest.fixture
def ada(people):
    return people[2]


def outcome_of(function):
    """Return what `function` returns, the type of an error that means that someone is gone, or the repr of any other error."""
    try:
        return function()
    except (AccountGone, Post.DoesNotExist, DigestSchedule.DoesNotExist) as error:
        return type(error)
    except Exception as error:
        return repr(error)


def test_after_a_member_has_left_other_actions_find_them_gone(transactional_db):
    outcomes, leavers = {}, []
    for name, act in ACTS.items():
        bob, eve, ada = make_people()
        leavers.append(bob.pk)
        with transaction.atomic():
            User.objects.get(pk=bob.pk).leave()
            other = begin(partial(outcome_of, partial(act, bob, eve, ada)))
        outcomes[name] = other.result(timeout=60)

    assert {name: error for name, error in outcomes.items() if isinstance(error, str)} == {}
    assert not User.objects.filter(pk__in=leavers).exists()
    assert run(References()).wrong == []


def test_leaving_deletes_what_other_actions_have_just_made(transactional_db):
    outcomes, leavers = {}, []
    for name, act in ACTS.items():
        bob, eve, ada = make_people()
        leavers.append(bob.pk)
        with transaction.atomic():
            act(bob, eve, ada)
            leaving = begin(partial(outcome_of, User.objects.get(pk=bob.pk).leave))
        outcomes[name] = leaving.result(timeout=60)

    assert {name: outcome for name, outcome in outcomes.items() if outcome is not True} == {}
    assert not User.objects.filter(pk__in=leavers).exists()
    assert run(References()).wrong == []


# Models whose rows belong to two people and are deleted with either. Each function makes a row for `one` and `other`.
SHARED = {
    Follow: lambda one, other: Follow.objects.create(follower=one, followed=other),
    Block: lambda one, other: Block.objects.create(blocker=one, blocked=other),
    Notification: lambda one, other: Notification.objects.create(
        actor=one, recipient=other, type="new_follower", subject=1
    ),
    Report: lambda one, other: ReportFactory(reporter=one, post=other.posts.first()),
    Mute: lambda one, other: Mute.objects.create(muter=one, muted=other),
    Mention: lambda one, other: Mention.objects.create(person=one, post=other.posts.first()),
    Like: lambda one, other: Like.objects.create(member=one, post=other.posts.first()),
    Bookmark: lambda one, other: Bookmark.objects.create(member=one, post=other.posts.first()),
}


def ways_to(model, goal):
    """Return through how many chains of foreign keys a row of `model` is deleted with a row of `goal`."""
    references = [field for field in model._meta.fields if field.remote_field]
    owners = [field.related_model for field in references if field.remote_field.on_delete is CASCADE]
    return sum(1 if owner is goal else ways_to(owner, goal) for owner in owners)


def test_every_model_with_two_owners_is_listed_here():
    assert {model for model in apps.get_models() if ways_to(model, User) > 1} == {*SHARED}


@pytest.mark.parametrize("shared", SHARED, ids=lambda model: model.__name__)
def test_people_who_share_rows_can_leave_at_the_same_time(transactional_db, shared):
    """They delete the same rows. If the orders differed, this would be a deadlock."""
    people = UserFactory.create_batch(4)
    for person in people:
        PostFactory.create_batch(3, author=person)
    for one, other in permutations(people, 2):
        SHARED[shared](one, other)
    start = Barrier(len(people), timeout=60)

    def leave(person):
        try:
            with transaction.atomic():
                start.wait()
                return outcome_of(person.leave)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as pool:
        assert list(pool.map(leave, people)) == [True] * len(people)
    assert not shared.objects.exists()


def test_whoever_leaves_does_not_wait_for_people_who_replied(bob, eve):
    """They may be leaving, too, and waiting for their replies, which change."""
    post = Post(author=bob, content="A question")
    post.publish()
    reply = Post(author=eve, content="An answer", in_reply_to=post)
    reply.publish()
    with transaction.atomic():
        User.objects.select_for_update().get(pk=eve.pk)
        leaving = begin(User.objects.get(pk=bob.pk).leave)
        assert leaving.done()
    assert leaving.result()
    reply.refresh_from_db()
    assert (reply.in_reply_to, reply.in_reply_to_author) == (None, None)


@pytest.mark.parametrize(
    "shared", [model for model in SHARED if ways_to(model, Post) == 0], ids=lambda model: model.__name__
)
def test_shared_rows_are_locked_before_they_are_deleted(bob, eve, monkeypatch, shared):
    rows = shared.objects.filter(pk=SHARED[shared](bob, eve).pk)
    locked = checked_during(monkeypatch, User, "end_sessions", rows)
    assert User.objects.get(pk=eve.pk).leave()
    assert locked == [True]


def test_moderators_and_reporters_who_leave_take_turns(monkeypatch, bob, eve, ada):
    """Moderators close reports and reporters who leave delete theirs. Both lock them first, in the same order."""
    posts = PostFactory.create_batch(3, author=bob)
    for post in reversed(posts):
        ReportFactory(post=post, reporter=eve)
    reports = Report.objects.filter(reporter=eve)
    locked = checked_during(monkeypatch, User, "end_sessions", reports)
    assert User.objects.get(pk=eve.pk).leave()
    assert locked == [True]

    for post in reversed(posts):
        ReportFactory(post=post, reporter=ada)
    with transaction.atomic():
        assert lock(bob, Post.objects.filter(pk__in=[post.pk for post in posts]))
        assert is_locked(Report.objects.filter(reporter=ada))


def test_moderators_and_reporters_can_finish_at_once(bob, eve):
    """Neither waits for the other in a circle, whatever the order of the posts and of the reports."""
    moderator, reporters = UserFactory(), UserFactory.create_batch(3)
    posts = PostFactory.create_batch(4, author=bob)
    for reporter in reporters:
        for post in reversed(posts):
            ReportFactory(post=post, reporter=reporter)
    start = Barrier(len(reporters) + 1, timeout=60)

    def act(function):
        try:
            with transaction.atomic():
                start.wait()
                return outcome_of(function)
        finally:
            connection.close()

    hide = partial(
        moderate, moderator, Post.hide, Post.objects.filter(pk__in=[post.pk for post in posts]), "Spam"
    )
    with ThreadPoolExecutor(len(reporters) + 1) as pool:
        assert list(pool.map(act, [hide, *(reporter.leave for reporter in reporters)])) == [
            4,
            True,
            True,
            True,
        ]
    assert not Report.objects.exists()


def test_of_a_follow_and_a_block_at_the_same_time_the_block_remains(people):
    bob, eve, ada = people
    with transaction.atomic():
        assert eve.block(bob)
        follow = begin(lambda: bob.follow(eve))
    assert follow.result(timeout=60) is False

    with transaction.atomic():
        assert eve.follow(ada)
        block = begin(lambda: ada.block(eve))
    assert block.result(timeout=60) is True
    assert Block.objects.count() == 2
    assert not Follow.objects.filter(follower=eve).exists()
    assert not User.objects.miscounted().exists()


def test_a_member_who_is_suspended_during_the_login_is_not_logged_in(bob):
    with transaction.atomic():
        User.objects.get(pk=bob.pk).suspend()
        client = Client()
        login = begin(lambda: client.post("/users/login/", {"login": bob.username, "password": PASSWORD}))
    login.result(timeout=60)

    assert "_auth_user_id" not in client.session
    bob.refresh_from_db()
    bob.reinstate()
    assert client.get("/users/settings/").status_code == 302


def test_a_member_who_is_suspended_while_posting_sees_their_text(bob):
    client = Client()
    client.force_login(bob)
    with transaction.atomic():
        User.objects.get(pk=bob.pk).suspend()
        post = begin(lambda: client.post("/posts/add/", {"content": "Too late"}))
    response = post.result(timeout=60)

    assert response.status_code == 403
    assert "Too late" in response.content.decode()
    assert not Post.objects.filter(content="Too late").exists()


def test_a_post_that_is_hidden_during_a_report_has_no_open_report(bob, eve):
    post = bob.posts.get()
    with transaction.atomic():
        post.hide()
        reporting = begin(lambda: report(eve, post))
    with pytest.raises(Post.DoesNotExist):
        reporting.result(timeout=60)

    post.restore()
    with transaction.atomic():
        assert report(eve, post)
        hiding = begin(post.hide)
    assert hiding.result(timeout=60) is True
    assert not Report.objects.filter(closed_on=None).exists()


def test_a_member_who_is_blocked_during_a_report_reports_nothing(bob, eve):
    post = bob.posts.get()
    with transaction.atomic():
        bob.block(eve)
        reporting = begin(lambda: report(eve, post))
    with pytest.raises(Post.DoesNotExist):
        reporting.result(timeout=60)


def test_a_suspended_moderator_cannot_finish_an_action(bob, eve):
    with transaction.atomic():
        User.objects.get(pk=bob.pk).suspend()
        suspending = begin(lambda: moderate(bob, User.suspend, User.objects.filter(pk=eve.pk), "Revenge"))
    with pytest.raises(AccountGone):
        suspending.result(timeout=60)
    assert not User.objects.suspended().filter(pk=eve.pk).exists()
