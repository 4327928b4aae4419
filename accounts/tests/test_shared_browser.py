"""Several people share a browser. Nothing that is kept for one of them reaches another."""

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


def messages_on(client, path="/"):
    return [str(message) for message in client.get(path).context["messages"]]


def test_an_unread_message_waits_for_its_member(member_client, bob):
    member_client.post("/@bob/block/")
    member_client.session.flush()

    assert messages_on(member_client) == []
    log_in(member_client, "bob")
    assert messages_on(member_client) == []


def test_the_member_gets_their_message(member_client, bob):
    member_client.post("/@bob/block/")
    assert messages_on(member_client) == ["You've blocked @bob. You won't see each other's posts any more."]
    assert messages_on(member_client) == []


def test_logging_out_loses_no_message(member_client, bob):
    member_client.post("/@bob/block/")
    member_client.post("/users/logout/")

    assert messages_on(member_client) == []
    log_in(member_client, "bob")
    assert messages_on(member_client) == []


def test_a_message_about_the_end_of_a_session_is_shown_after_it(member_client):
    response = member_client.post("/users/leave/", {"password": PASSWORD, "sure": "on"}, follow=True)
    assert "Your account and everything in it has been deleted. Goodbye." in response.content.decode()


def test_a_message_for_a_visitor_is_not_shown_to_the_next_member(client, member, bob):
    """One member's password is reset, and then another member logs in."""
    client.post("/users/password/reset/", {"email": member.email})
    log_in(client, "bob")
    assert member.email not in str(messages_on(client))


def test_a_message_too_long_for_a_cookie_arrives(member_client, rf):

    def request_of(user, cookies):
        request = rf.get("/")
        request.user, request.session, request.COOKIES = user, member_client.session, cookies
        return request

    user = UserFactory()
    storage, response = MessageStorage(request_of(user, {})), HttpResponse()
    texts = ["short", "x" * 3000]
    for text in texts:
        storage.add(constants.INFO, text)
    storage.update(response)
    cookies = {name: morsel.value for name, morsel in response.cookies.items()}

    again = MessageStorage(request_of(user, cookies))
    again.request.session = storage.request.session
    assert [str(message) for message in again] == texts


def test_an_unfinished_password_reset_ends_with_the_next_login(member, bob, run_jobs):
    """Someone who logs in meanwhile must not find the form that sets another member's password in the browser history."""
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
