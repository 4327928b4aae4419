import random
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.db import IntegrityError

from accounts.tests.factories import UserFactory
from posts import ids, signals
from posts.models import Post

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.django_db
def test_an_id_contains_its_millisecond():
    with time_machine.travel(NOON, tick=False):
        post_id, now = ids.new_id(Post)

    assert ids.time_of(post_id) == now == NOON.replace(microsecond=123000)
    assert ids.first_id_at(NOON) <= post_id < ids.first_id_at(NOON + timedelta(milliseconds=1))


def test_javascript_stores_ids_exactly_for_decades():
    assert ids.first_id_at(datetime(2080, 1, 1, tzinfo=UTC)) <= ids.MAX_ID == 2**53 - 1


@pytest.mark.django_db
def test_the_time_of_a_post_is_that_of_its_id():
    author = UserFactory()
    with time_machine.travel(NOON, tick=False):
        post = Post(author=author, content="x", created_on=datetime(1999, 1, 1, tzinfo=UTC))
        post.publish()

    post.refresh_from_db()
    assert post.created_on == ids.time_of(post.pk) == NOON.replace(microsecond=123000)


@pytest.mark.django_db
def test_an_id_that_is_in_use_is_replaced():
    author = UserFactory()
    with mock.patch.object(ids, "new_id", side_effect=[(7, NOON), (7, NOON), (7, NOON), (8, NOON)]):
        Post(author=author, content="first").publish()
        Post(author=author, content="second").publish()

    assert list(Post.objects.order_by("id").values_list("id", "content")) == [(7, "first"), (8, "second")]


@pytest.mark.django_db
def test_other_conflicts_are_not_retried():
    with mock.patch.object(ids, "new_id", side_effect=[(7, NOON)]), pytest.raises(IntegrityError):
        Post(author=UserFactory(), content="").publish()


@pytest.mark.django_db
def test_a_full_millisecond_is_an_error():
    author = UserFactory()
    with mock.patch.object(ids, "new_id", return_value=(7, NOON)):
        Post(author=author, content="first").publish()
        with pytest.raises(IntegrityError, match="no free id"):
            Post(author=author, content="second").publish()


@pytest.mark.django_db
def test_many_posts_at_the_same_time_get_different_ids():
    author = UserFactory()
    random.seed(1)
    with time_machine.travel(NOON, tick=False):
        for number in range(150):
            Post(author=author, content=str(number)).publish()

    assert Post.objects.count() == 150


@pytest.mark.django_db
def test_each_change_is_published_once():
    seen = []

    def remember(signal, post, **kwargs):
        seen.append((signal, post.pk))

    names = ("post_published", "post_hidden", "post_restored", "post_deleted")
    for name in names:
        getattr(signals, name).connect(remember)
    try:
        post = Post(author=UserFactory(), content="x")
        post.publish()
        pk = post.pk
        assert [post.hide(), post.hide(), post.restore(), post.restore()] == [True, False, True, False]
        post.delete()
        Post(pk=pk, author=post.author, content="x").delete()
    finally:
        for name in names:
            getattr(signals, name).disconnect(remember)

    assert seen == [
        (signals.post_published, pk),
        (signals.post_hidden, pk),
        (signals.post_restored, pk),
        (signals.post_deleted, pk),
    ]
