"""A form that is sent twice makes one post."""

import re
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
    """Return the number of the form on the home page."""
    return number_on_home(member_client)


def number_on_home(client):
    return re.search(r'name="submission" value="([^"]+)"', client.get("/").content.decode())[1]


def test_each_form_on_the_home_page_has_a_number_of_its_own(member_client):
    assert len({number_on_home(member_client) for _ in range(3)}) == 3


def test_a_form_sent_twice_makes_one_post_and_redirects_to_it(member_client, number):
    responses = [send(member_client, submission=number) for _twice in range(2)]

    assert [response.url for response in responses] == [f"/#post-{Post.objects.get().pk}"] * 2


def test_another_text_from_the_same_form_is_another_post(member_client, number):
    for content in ("One", "Two", "Two", "One "):
        send(member_client, content, number)

    assert sorted(Post.objects.values_list("content", flat=True)) == ["One", "Two"]


def test_the_same_text_from_another_form_is_another_post(member_client):
    numbers = {member_client.get(URL).context["form"]["submission"].value() for _twice in range(2)}
    for number in numbers:
        send(member_client, submission=number)

    assert Post.objects.count() == 2


def test_the_number_of_another_member_has_no_effect(client, member_client, number):
    send(member_client, submission=number)
    client.force_login(UserFactory())
    send(client, submission=number)

    assert Post.objects.count() == 2


@pytest.mark.parametrize("number", ["", "x", "\x00", "9" * 400, "{}"])
def test_without_a_valid_number_each_request_makes_a_post(member_client, number):
    for _twice in range(2):
        assert send(member_client, submission=number).status_code == 302

    assert Post.objects.count() == 2


def test_the_second_click_at_the_limit_is_not_refused(member_client, number, settings):
    settings.POST_LIMIT = (1, 600)

    assert [send(member_client, submission=number).status_code for _twice in range(2)] == [302, 302]


def test_a_refused_form_can_be_sent_again(member_client, number):
    with mock.patch.object(Post, "publish", side_effect=DatabaseError("disk full")):
        refused = send(member_client, submission=number)
    assert number in refused.content.decode()
    for _twice in range(2):
        send(member_client, submission=number)

    assert Post.objects.count() == 1


def test_the_database_enforces_the_rule_too(member):
    submission = uuid4()
    Post(author=member, content="a", submission=submission).publish()
    with pytest.raises(IntegrityError):
        Post(author=member, content="b", submission=submission).publish()


@pytest.mark.django_db(transaction=True)
def test_ten_requests_at_once_make_one_post():
    member = UserFactory()
    number = str(uuid4())
    clients = [Client() for _ in range(10)]
    for client in clients:
        client.force_login(member)
    urls = []

    def request(client):
        urls.append(send(client, submission=number).url)
        connection.close()

    threads = [threading.Thread(target=request, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert urls == [f"/#post-{Post.objects.get().pk}"] * 10


def test_a_post_without_a_form_has_no_number():
    assert PostFactory.build().submission is None
