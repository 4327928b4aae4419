from io import StringIO
from unittest import mock

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from accounts.models import ModerationAction, User
from accounts.tests.factories import UserFactory
from posts.models import Post, Report
from posts.tests.factories import PostFactory


@pytest.fixture
def admin(db):
    client = Client()
    client.force_login(UserFactory(username="chief", is_staff=True, is_superuser=True))
    return client


def report(client, post, reason="spam", note=""):
    return client.post(f"/posts/{post.pk}/report/", {"reason": reason, "note": note}, follow=True)


def queue(admin):
    return list(admin.get(reverse("admin:posts_reportedpost_changelist")).context["cl"].result_list)


def act(admin, action, *posts):
    url = reverse("admin:posts_reportedpost_changelist")
    data = {"action": action, "_selected_action": [post.pk for post in posts]}
    asked = admin.post(url, data)
    assert "Why" in asked.content.decode()
    return admin.post(url, data | {"reason": "Spam wave."}, follow=True)


def test_a_post_is_reported_once_by_each_member(member_client):
    post = PostFactory()

    assert "Thank you." in report(member_client, post, note="again\u202e!").content.decode()
    assert "before" in report(member_client, post, "abuse").content.decode()
    assert Report.objects.get().note == "again!"


def test_what_cannot_be_reported(client, member, member_client):
    own, hidden = PostFactory(author=member), PostFactory()
    hidden.hide()

    assert [report(member_client, post).status_code for post in (own, hidden)] == [404, 404]
    assert "field is required" in report(member_client, PostFactory(), "").content.decode()
    assert client.get(f"/posts/{PostFactory().pk}/report/").url.startswith("/users/login/")
    assert not Report.objects.exists()


def test_the_queue_has_a_row_for_each_post_most_reported_first(admin):
    posts = [PostFactory(), PostFactory(), PostFactory()]
    for number, post in ((0, posts[0]), (1, posts[1]), (2, posts[1])):
        Report.objects.create(reporter=UserFactory(), post=post, reason=("spam", "abuse", "spam")[number])

    rows = queue(admin)
    assert rows == [posts[1], posts[0]]
    assert [row.report_count for row in rows] == [2, 1]


def test_a_wave_of_a_hundred_reports_takes_three_requests(admin):
    spammers = [UserFactory() for _ in range(3)]
    posts = [PostFactory(author=spammers[number % 3]) for number in range(20)]
    for number in range(100):
        Report.objects.create(reporter=UserFactory(), post=posts[number % 20], reason="spam")

    rows = queue(admin)  # One request to see them, two to deal with them.
    assert len(rows) == 20
    text = act(admin, "suspend_authors", *rows).content.decode()

    assert "3 people suspended." in text
    assert set(User.objects.suspended()) == set(spammers)
    assert queue(admin) == []
    assert ModerationAction.objects.count() == 23
    assert not Post.objects.visible().exists()


def test_dismissing_leaves_the_post_and_hiding_takes_it(admin):
    kept, hidden = PostFactory(content="fine"), PostFactory(content="not fine")
    for post in (kept, hidden):
        Report.objects.create(reporter=UserFactory(), post=post, reason="spam")
    act(admin, "dismiss", kept)
    act(admin, "hide", hidden)

    assert queue(admin) == []
    assert list(Post.objects.visible()) == [kept]
    # A new report of the same post opens the question again.
    Report.objects.create(reporter=UserFactory(), post=kept, reason="abuse")
    assert queue(admin) == [kept]


def test_the_record_outlives_its_target_and_its_moderator(admin):
    post = PostFactory(content="gone soon")
    Report.objects.create(reporter=UserFactory(), post=post, reason="spam")
    act(admin, "hide", post)
    author = post.author.username
    User.objects.all().delete()

    record = ModerationAction.objects.get()
    assert (record.moderator, record.moderator_name, record.verb) == (None, "chief", "hide")
    assert (record.target_person, record.target_text, record.reason) == (author, "gone soon", "Spam wave.")


def test_without_a_reason_nothing_happens(admin):
    post = PostFactory()
    url = reverse("admin:posts_post_changelist")
    admin.post(url, {"action": "hide", "_selected_action": [post.pk], "reason": " "})

    assert Post.objects.visible().exists()
    assert not ModerationAction.objects.exists()


def test_what_is_done_already_is_not_recorded_again(admin):
    hidden, shown = PostFactory(), PostFactory()
    hidden.hide()
    url = reverse("admin:posts_post_changelist")
    admin.post(url, {"action": "hide", "_selected_action": [hidden.pk, shown.pk], "reason": "x"})

    assert ModerationAction.objects.get().target_pk == shown.pk


def test_the_queue_shows_what_reporters_say(admin):
    post = PostFactory()
    Report.objects.create(reporter=UserFactory(username="eve"), post=post, reason="other", note="Look <here>")

    page = admin.get(reverse("admin:posts_reportedpost_changelist")).content.decode()
    assert "@eve: Look &lt;here&gt;" in page


def test_a_moderator_does_not_judge_their_own_posts(db):
    moderator = UserFactory(username="mo")
    call_command("appoint_moderator", "mo", stdout=StringIO())
    client = Client()
    client.force_login(moderator)
    own, other = PostFactory(author=moderator), PostFactory()
    for post in (own, other):
        Report.objects.create(reporter=UserFactory(), post=post, reason="spam")

    text = act(client, "dismiss", own, other).content.decode()
    assert "You can&#x27;t judge your own posts." in text
    assert "1 post: done." in text
    assert queue(client) == [own]


@pytest.mark.parametrize("half", ["posts.admin.suspend", "posts.admin.moderate"])
def test_suspending_authors_and_hiding_their_posts_is_one_decision(admin, half):
    """Whichever half fails: nothing is hidden, nobody is suspended, nothing is recorded, nothing is said to be done."""
    post = PostFactory()
    Report.objects.create(reporter=UserFactory(), post=post, reason="spam")
    url = reverse("admin:posts_reportedpost_changelist")
    data = {"action": "suspend_authors", "_selected_action": [post.pk], "reason": "Spam."}
    admin.raise_request_exception = False
    with mock.patch(half, side_effect=OperationalError("disk is full")):
        assert admin.post(url, data).status_code == 503

    assert list(Post.objects.visible()) == [post]
    assert not User.objects.suspended().exists()
    assert not ModerationAction.objects.exists()
    assert queue(admin) == [post]
    assert "suspended." not in admin.get(url).content.decode()


def test_what_is_hidden_already_keeps_its_reports_for_a_decision(admin):
    """A report that arrives while the post is being hidden is not closed silently: it can be dismissed."""
    post = PostFactory()
    post.hide()
    Report.objects.create(reporter=UserFactory(), post=post, reason="spam")

    assert "0 posts" in act(admin, "hide", post).content.decode()
    assert queue(admin) == [post]
    assert "1 post" in act(admin, "dismiss", post).content.decode()
    assert queue(admin) == []
