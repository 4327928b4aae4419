"""A post is edited by one at a time."""

import pytest

from accounts.tests.factories import UserFactory
from accounts.tests.locking import checked_during, needs_row_locks
from posts.models import Post

pytestmark = [needs_row_locks, pytest.mark.django_db(transaction=True)]


def test_a_post_is_locked_while_its_text_is_replaced(monkeypatch):
    """Of two edits at once, the text that the first one wrote would be in no revision."""
    post = Post(author=UserFactory(), content="first")
    post.publish()
    noted = checked_during(monkeypatch, Post, "_replace_content", Post.objects.filter(pk=post.pk))
    assert post.edit("second")
    assert noted == [True]
    assert list(post.revisions.values_list("content", flat=True)) == ["first"]
