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
def test_an_id_is_its_millisecond_and_orders_by_time():
    with time_machine.travel(NOON, tick=False):
        post_id, now = ids.new_id(Post)

    assert ids.moment_of(post_id) == now == NOON.replace(microsecond=123000)
    assert ids.first_id_at(NOON) <= post_id < ids.first_id_at(NOON + timedelta(milliseconds=1))


def test_ids_stay_exact_in_javascript_for_decades():
    assert ids.first_id_at(datetime(2080, 1, 1, tzinfo=UTC)) <= ids.MAX_ID == 2**53 - 1


@pytest.mark.django_db
def test_the_server_sets_the_time_of_a_post():
    author = UserFactory()
    with time_machine.travel(NOON, tick=False):
        post = Post(author=author, content="x", created_on=datetime(1999, 1, 1, tzinfo=UTC))
        post.publish()

    post.refresh_from_db()
    assert post.created_on == ids.moment_of(post.pk) == NOON.replace(microsecond=123000)


@pytest.mark.django_db
def test_a_taken_id_is_replaced():
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
def test_a_full_millisecond_is_an_error_and_no_loop():
    author = UserFactory()
    with mock.patch.object(ids, "new_id", return_value=(7, NOON)):
        Post(author=author, content="first").publish()
        with pytest.raises(IntegrityError, match="No free id"):
            Post(author=author, content="second").publish()


@pytest.mark.django_db
def test_many_posts_in_one_moment_all_find_an_id():
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

    names = ("post_published", "post_removed", "post_restored")
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
        (signals.post_removed, pk),
        (signals.post_restored, pk),
        (signals.post_removed, pk),
    ]
