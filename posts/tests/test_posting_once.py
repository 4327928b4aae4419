"""A form that is sent twice makes one post."""

import threading
from unittest import mock
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.test import Client

from accounts.tests.factories import UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory

URL = "/posts/add/"


def send(client, content="Hello", submission="", **kwargs):
    return client.post(URL, {"content": content, "submission": submission}, **kwargs)


@pytest.fixture
def number(member_client):
    """The number of the form that home shows."""
    return str(member_client.get("/").context["form"]["submission"].value())


def test_the_same_form_sent_twice_makes_one_post_and_leads_to_it(member_client, number):
    answers = [send(member_client, submission=number) for _twice in range(2)]

    assert [answer.url for answer in answers] == [f"/#post-{Post.objects.get().pk}"] * 2


def test_another_text_from_the_same_form_is_another_post(member_client, number):
    for content in ("One", "Two", "Two", "One "):
        send(member_client, content, number)

    assert sorted(Post.objects.values_list("content", flat=True)) == ["One", "Two"]


def test_the_same_text_from_another_form_is_another_post(member_client):
    numbers = {member_client.get(URL).context["form"]["submission"].value() for _twice in range(2)}
    for number in numbers:
        send(member_client, submission=number)

    assert Post.objects.count() == 2


def test_somebody_elses_number_means_nothing(client, member_client, number):
    send(member_client, submission=number)
    client.force_login(UserFactory())
    send(client, submission=number)

    assert Post.objects.count() == 2


@pytest.mark.parametrize("number", ["", "x", "\x00", "9" * 400, "{}"])
def test_without_a_number_that_can_be_meant_each_is_a_post(member_client, number):
    for _twice in range(2):
        assert send(member_client, submission=number).status_code == 302

    assert Post.objects.count() == 2


def test_the_second_of_two_at_the_limit_is_not_told_that_it_was_too_much(member_client, number, settings):
    settings.POST_LIMIT = (1, 600)

    assert [send(member_client, submission=number).status_code for _twice in range(2)] == [302, 302]


def test_what_was_refused_can_be_sent_again_under_the_same_number(member_client, number):
    with mock.patch.object(Post, "publish", side_effect=DatabaseError("disk full")):
        refused = send(member_client, submission=number)
    assert number in refused.content.decode()
    for _twice in range(2):
        send(member_client, submission=number)

    assert Post.objects.count() == 1


def test_the_database_knows_the_rule_too(member):
    once = uuid4()
    Post(author=member, content="a", submission=once).publish()
    with pytest.raises(IntegrityError):
        Post(author=member, content="b", submission=once).publish()


@pytest.mark.django_db(transaction=True)
def test_ten_requests_at_once_make_one_post():
    member = UserFactory()
    number = str(uuid4())
    clients = [Client() for _ in range(10)]
    for client in clients:
        client.force_login(member)
    answers = []

    def request(client):
        answers.append(send(client, submission=number).url)
        connection.close()

    threads = [threading.Thread(target=request, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [f"/#post-{Post.objects.get().pk}"] * 10


def test_posts_that_no_form_made_have_no_number():
    assert PostFactory.build().submission is None
