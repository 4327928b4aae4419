"""A post is edited by one at a time."""

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import User
from accounts.moderation import decisions
from accounts.tests.factories import UserFactory
from accounts.tests.locking import begin, checked_during, is_locked, needs_row_locks
from posts.models import Post
from posts.tests.factories import ReportFactory

pytestmark = [needs_row_locks, pytest.mark.django_db(transaction=True)]


def test_a_post_is_locked_while_its_text_is_replaced(monkeypatch):
    """Of two edits at once, the text that the first one wrote would be in no revision."""
    post = Post(author=UserFactory(), content="first")
    post.publish()
    noted = checked_during(monkeypatch, Post, "_replace_content", Post.objects.filter(pk=post.pk))
    assert post.edit("second")
    assert noted == [True]
    assert list(post.revisions.values_list("content", flat=True)) == ["first"]


@pytest.mark.parametrize("form", ["reply", "edit", "add"])
def test_writers_are_locked_together_with_the_people_whom_their_text_concerns(form, transactional_db):
    """People who reply to each other or mention each other at once would otherwise wait for each other."""
    ada, bob = UserFactory(username="ada"), UserFactory()
    theirs, own = Post(author=ada, content="Hers"), Post(author=bob, content="His")
    theirs.publish()
    own.publish()
    path = {"reply": f"{theirs.pk}/reply", "edit": f"{own.pk}/edit", "add": "add"}[form]
    client = Client()
    client.force_login(bob)
    text = "Me too" if form == "reply" else "Ask @ada"
    with transaction.atomic():
        ada.lock()
        writing = begin(lambda: client.post(f"/posts/{path}/", {"content": text}))
        assert not writing.done()
        assert not is_locked(User.objects.filter(pk=bob.pk))
    assert writing.result(timeout=60).status_code == 302


@pytest.mark.parametrize("page", ["posts/post", "moderation"])
def test_authors_are_locked_before_their_posts_are_hidden(monkeypatch, transactional_db, page):
    """A member who leaves is locked before their posts. In the other order, the two would wait for each other."""
    admin = UserFactory(is_staff=True, is_superuser=True)
    post = Post(author=UserFactory(), content="Bad")
    post.publish()
    ReportFactory(reporter=admin, post=post)
    noted = checked_during(monkeypatch, Post, "hide", User.objects.filter(pk=post.author_id))
    client = Client()
    client.force_login(admin)
    data = {"action": "hide", "_selected_action": [post.pk], "reason": "Spam"}
    if page == "moderation":
        data = {
            "card": f"post-{post.pk}:{decisions.version_of(post)}",
            "decision": "hide",
            "reason": "Spam",
        }
    client.post(f"/admin/{page}/", data)

    assert noted == [True]


def test_the_posts_of_whoever_leaves_are_locked_before_anything_is_deleted(monkeypatch, transactional_db):
    """A row that refers to a post must not come after those that are there were found."""
    post = Post(author=UserFactory(), content="Mine")
    post.publish()
    noted = checked_during(monkeypatch, User, "end_sessions", Post.objects.filter(pk=post.pk))
    assert post.author.leave()
    assert noted == [True]
