from io import StringIO
from unittest import mock

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from accounts import signals as people_signals
from accounts.models import User
from accounts.moderation.actions import moderate
from accounts.moderation.models import ModerationAction, Report
from accounts.tests.factories import UserFactory
from posts import signals
from posts.models import Post
from posts.tests.factories import PostFactory, ReportFactory


@pytest.fixture
def moderator(db):
    return UserFactory(username="chief", is_staff=True, is_superuser=True)


@pytest.fixture
def admin(moderator):
    client = Client()
    client.force_login(moderator)
    return client


def report(client, post, reason="spam", note=""):
    return client.post(f"/posts/{post.pk}/report/", {"reason": reason, "note": note}, follow=True)


def act(admin, action, *posts):
    url = reverse("admin:posts_post_changelist")
    data = {"action": action, "_selected_action": [post.pk for post in posts]}
    confirmation = admin.post(url, data)
    assert "Reason" in confirmation.content.decode()
    return admin.post(url, data | {"reason": "Spam wave."}, follow=True)


def decide_all(admin, decision, reason=""):
    """Select all cards of the queue and decide about them together."""
    cards = [card.value for card in admin.get("/admin/moderation/").context["cards"]]
    return admin.post(
        "/admin/moderation/",
        {"together": "1", "card": cards, "decision": decision, "reason": reason},
        follow=True,
    )


def test_each_member_reports_a_post_once(member_client):
    post = PostFactory()

    assert "Thank you." in report(member_client, post, note="again\u202e!").content.decode()
    assert "already reported" in report(member_client, post, "abuse").content.decode()
    assert Report.objects.get().note == "again!"


def test_a_report_keeps_the_text_and_the_author_of_the_post(member_client):
    post = Post(author=UserFactory(), content="What I said")
    post.publish()
    report(member_client, post)
    post.edit("What I never said")

    stored = Report.objects.get()
    assert (stored.subject_type, stored.subject_id) == ("post", post.pk)
    assert (stored.person, stored.subject_text) == (post.author, "What I said")


def test_own_hidden_and_invisible_posts_cannot_be_reported(client, member, member_client):
    own, hidden = PostFactory(author=member), PostFactory()
    hidden.hide()
    blocked, suspended = PostFactory(), PostFactory()
    blocked.author.block(member)
    suspended.author.suspend()

    statuses = [report(member_client, post).status_code for post in (own, hidden, blocked, suspended)]
    assert statuses == [404] * 4
    assert "Choose a reason." in report(member_client, PostFactory(), "").content.decode()
    assert client.get(f"/posts/{PostFactory().pk}/report/").url.startswith("/users/login/")
    assert not Report.objects.exists()


def test_a_wave_of_a_hundred_reports_takes_two_requests(admin):
    spammers = [UserFactory() for _ in range(3)]
    posts = [PostFactory(author=spammers[number % 3]) for number in range(20)]
    for number in range(100):
        ReportFactory(post=posts[number % 20])
    text = decide_all(admin, "suspend", "Spam wave.").content.decode()

    assert text.count("suspended.</span>") == 6  # Each with a button to undo it.
    assert set(User.objects.suspended()) == set(spammers)
    assert not Report.objects.open().exists()
    assert ModerationAction.objects.count() == 3
    assert not Post.objects.visible().exists()


def test_a_new_report_puts_a_post_back_into_the_queue(admin):
    innocent = PostFactory()
    ReportFactory(post=innocent)
    decide_all(admin, "dismiss")
    assert admin.get("/admin/moderation/").context["cards"] == []
    ReportFactory(post=innocent, reason="abuse")
    [card] = admin.get("/admin/moderation/").context["cards"]
    assert (card.subject, card.count) == (innocent, 1)


def test_the_record_outlives_the_post_and_the_moderator(admin):
    post = PostFactory(content="gone soon")
    ReportFactory(post=post)
    act(admin, "hide", post)
    author = post.author.username
    User.objects.all().delete()

    record = ModerationAction.objects.get()
    assert (record.moderator, record.moderator_name, record.action) == (None, "chief", "hide")
    assert (record.subject_model, record.subject_id) == ("posts.Post", post.pk)
    assert (record.person_name, record.subject_text, record.reason) == (author, "gone soon", "Spam wave.")


def test_an_action_without_a_reason_does_nothing(admin):
    post = PostFactory()
    url = reverse("admin:posts_post_changelist")
    admin.post(url, {"action": "hide", "_selected_action": [post.pk], "reason": " "})

    assert Post.objects.visible().exists()
    assert not ModerationAction.objects.exists()


def test_an_action_that_changes_nothing_is_not_recorded(admin):
    hidden, visible = PostFactory(), PostFactory()
    hidden.hide()
    url = reverse("admin:posts_post_changelist")
    admin.post(url, {"action": "hide", "_selected_action": [hidden.pk, visible.pk], "reason": "x"})

    assert ModerationAction.objects.get().subject_id == visible.pk


def test_an_action_without_a_moderator_is_not_recorded(db):
    post = PostFactory()
    ReportFactory(post=post)
    assert post.hide()
    assert post.restore()
    assert post.author.suspend()

    assert not ModerationAction.objects.exists()
    assert not Report.objects.open().exists()


def test_moderators_cannot_moderate_posts_of_their_own_or_of_other_moderators(db):
    moderator = UserFactory(username="mo")
    call_command("appoint_moderator", "mo", stdout=StringIO())
    client = Client()
    client.force_login(moderator)
    own, other = PostFactory(author=moderator), PostFactory()
    chiefs = PostFactory(author=UserFactory(is_staff=True, is_superuser=True))

    text = act(client, "hide", own, other, chiefs).content.decode()
    assert "Only administrators can decide about the posts of moderators and administrators." in text
    assert "1 post hidden." in text
    assert set(Post.objects.visible()) == {own, chiefs}
    own.hide()
    assert "0 posts restored." in act(client, "restore", own).content.decode()


def test_hiding_a_hidden_post_leaves_its_reports_open(admin):
    """A report that arrives while the post is being hidden isn't closed silently. A moderator can dismiss it."""
    post = PostFactory()
    post.hide()
    ReportFactory(post=post)

    assert "0 posts" in act(admin, "hide", post).content.decode()
    [card] = admin.get("/admin/moderation/").context["cards"]
    assert card.is_hidden
    assert "hide" not in {button["value"] for button in card.buttons}
    decide_all(admin, "dismiss")
    assert not Report.objects.open().exists()


def test_the_reports_about_a_post_are_deleted_with_it(db):
    post, other = PostFactory(), PostFactory()
    reports = [ReportFactory(post=post), ReportFactory(post=post), ReportFactory(post=other)]
    post.delete()

    assert list(Report.objects.all()) == reports[2:]


@pytest.mark.parametrize("leaver", ["reporter", "person"])
def test_reports_are_deleted_with_the_accounts_of_reporter_and_author(db, leaver):
    report = ReportFactory()
    other = ReportFactory()
    getattr(report, leaver).leave()

    assert list(Report.objects.all()) == [other]


class Messages(list):
    """Receives an event and writes what an email to the author would say, from the arguments and the record."""

    def __call__(self, signal, by, reason, **arguments):
        subject = arguments.get("post") or arguments["user"]
        action = ModerationAction.objects.latest("pk")
        assert (action.subject_id, action.moderator, action.reason) == (subject.pk, by, reason)
        self.append(f"{by} {action.get_action_display()} because: {reason}")


@pytest.fixture
def messages():
    receiver = Messages()
    events = [
        *(signals.post_hidden, signals.post_restored, signals.post_deleted),
        *(people_signals.user_suspended, people_signals.user_reinstated, people_signals.profile_changed),
    ]
    for event in events:
        event.connect(receiver, weak=False)
    yield receiver
    for event in events:
        event.disconnect(receiver)


def test_receivers_learn_who_moderated_and_why_and_find_the_record(moderator, messages):
    post = PostFactory()
    author = post.author
    author.show_picture("0" * 32)
    posts, authors = Post.objects.filter(pk=post.pk), User.objects.filter(pk=author.pk)
    for action, rows in (
        (Post.hide, posts),
        (Post.restore, posts),
        (User.suspend, authors),
        (User.reinstate, authors),
        (User.remove_picture, authors),
    ):
        assert moderate(moderator, action, rows, f"{action.__name__} it") == 1
        assert moderate(moderator, action, rows, "Again") == 0
    post.delete(by=moderator, reason="delete it")

    assert messages == [
        "@chief hid a post because: hide it",
        "@chief restored a post because: restore it",
        "@chief suspended a person because: suspend it",
        "@chief reinstated a person because: reinstate it",
        "@chief removed a picture because: remove_picture it",
        "@chief deleted a post because: delete it",
    ]
    assert ModerationAction.objects.count() == 6


def test_the_change_the_record_and_the_event_roll_back_together(moderator, messages):
    post = PostFactory()
    with mock.patch.object(Messages, "append", side_effect=OperationalError("disk is full")):
        with pytest.raises(OperationalError):
            moderate(moderator, Post.hide, Post.objects.filter(pk=post.pk), "Spam")

    assert list(Post.objects.visible()) == [post]
    assert not ModerationAction.objects.exists()


def test_a_deleted_post_is_told_apart_from_a_hidden_one(moderator):
    events = []

    def remember(signal, post, by, reason, **kwargs):
        events.append((signal, post.pk, by, reason))

    for event in (signals.post_hidden, signals.post_deleted):
        event.connect(remember)
    hidden, deleted = PostFactory(), PostFactory()
    pk = deleted.pk
    hidden.hide(by=moderator, reason="Spam")
    deleted.delete()
    for event in (signals.post_hidden, signals.post_deleted):
        event.disconnect(remember)

    assert events == [
        (signals.post_hidden, hidden.pk, moderator, "Spam"),
        (signals.post_deleted, pk, None, ""),
    ]
