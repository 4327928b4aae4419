"""Several people use one browser: what is kept for one of them reaches no other."""

import re

import pytest
from django.contrib.messages import constants
from django.core import mail
from django.http import HttpResponse
from django.test import Client

from accounts.messages import MessageStorage
from accounts.tests.factories import PASSWORD, UserFactory


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


def log_in(client, username):
    return client.post("/users/login/", {"login": username, "password": PASSWORD})


def said(client, path="/"):
    return [str(message) for message in client.get(path).context["messages"]]


def test_a_message_that_was_not_read_waits_for_its_member(member_client, bob):
    member_client.post("/@bob/block/")
    member_client.session.flush()

    assert said(member_client) == []
    log_in(member_client, "bob")
    assert said(member_client) == []


def test_the_member_gets_it(member_client, bob):
    member_client.post("/@bob/block/")
    assert said(member_client) == ["You have blocked @bob. You no longer see each other."]
    assert said(member_client) == []


def test_a_log_out_takes_no_message_along(member_client, bob):
    member_client.post("/@bob/block/")
    member_client.post("/users/logout/")

    assert said(member_client) == []
    log_in(member_client, "bob")
    assert said(member_client) == []


def test_what_is_said_at_the_end_of_a_session_is_read_after_it(member_client):
    response = member_client.post("/users/leave/", {"password": PASSWORD, "sure": "on"}, follow=True)
    assert "Your account and everything in it is deleted. Goodbye." in response.content.decode()


def test_what_is_said_to_a_visitor_is_not_said_to_the_next_member(client, member, bob):
    """The password of one is reset, another logs in."""
    client.post("/users/password/reset/", {"email": member.email})
    log_in(client, "bob")
    assert member.email not in str(said(client))


def test_a_message_too_long_for_a_cookie_arrives(member_client, rf):

    def request_of(user, cookies):
        request = rf.get("/")
        request.user, request.session, request.COOKIES = user, member_client.session, cookies
        return request

    user = UserFactory()
    storage, response = MessageStorage(request_of(user, {})), HttpResponse()
    words = ["short", "x" * 3000]
    for each in words:
        storage.add(constants.INFO, each)
    storage.update(response)
    cookies = {name: morsel.value for name, morsel in response.cookies.items()}

    again = MessageStorage(request_of(user, cookies))
    again.request.session = storage.request.session
    assert [str(message) for message in again] == words


def test_a_password_reset_that_was_begun_ends_with_the_next_log_in(member, bob, run_jobs):
    """Whoever logs in meanwhile must not find the form for a new password of somebody else in the history."""
    client = Client()
    client.post("/users/password/reset/", {"email": member.email})
    run_jobs()
    link = re.search(r"/users/password/reset/key/\S+", mail.outbox[-1].body)[0]
    form = client.get(link).url
    assert 'name="password1"' in client.get(form).content.decode()

    log_in(client, "bob")
    assert 'name="password1"' not in client.get(form).content.decode()
    client.post(form, {"password1": "not for this one 1"})
    member.refresh_from_db()
    assert member.check_password(PASSWORD)
