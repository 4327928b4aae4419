import os
from ipaddress import IPv4Address
from unittest import mock

import pytest
import time_machine
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import signing
from django.test import Client

from accounts.tests.factories import PASSWORD

URL = "/users/login/"
# More take longer and show no more: GUESSES=1000 script/test accounts/tests/test_login.py
GUESSES = int(os.environ.get("GUESSES", 140))


def log_in(client, login, password=PASSWORD, **data):
    return client.post(URL, {"login": login, "password": password} | data)


def is_logged_in(client):
    return "_auth_user_id" in client.session


@pytest.mark.parametrize("login", ["ada", "ADA", " ada ", "ada@example.org", "Ada@Example.ORG"])
def test_either_name_in_any_case_leads_home(client, member, login):
    response = log_in(client, login)

    assert response.url == "/"
    assert is_logged_in(client)


def test_remember_me_keeps_the_session_beyond_the_browser(member):
    forgotten, remembered = Client(), Client()
    log_in(forgotten, "ada")
    log_in(remembered, "ada", remember="on")

    assert forgotten.session.get_expire_at_browser_close()
    assert not remembered.session.get_expire_at_browser_close()


@pytest.mark.parametrize("login", ["ada", "ada@example.org", "nobody", "nobody@example.org", "a\x00da"])
def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_for_the_same_work(client, member, login):
    with mock.patch.object(
        MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
    ) as encode:
        response = log_in(client, login, "wrong")

    assert response.status_code == 200
    if "\x00" not in login:
        assert response.context["form"].non_field_errors() == [
            "That name and password don't match. Try again."
        ]
        assert encode.call_count == 1
    assert not is_logged_in(client)


def test_somebody_suspended_cannot_log_in(client, member):
    member.suspend()

    response = log_in(client, "ada")

    assert response.url == "/users/inactive/"
    assert not is_logged_in(client)


def test_the_address_to_go_on_to_may_not_be_on_another_site(client, member):
    assert log_in(client, "ada", next="https://evil.example/").url == "/"
    assert log_in(Client(), "ada", next="/users/settings/").url == "/users/settings/"


def guesses_let_through(addresses):
    """How many of GUESSES wrong passwords for ada, in one moment from so many addresses, are looked at."""
    check = mock.patch.object(
        MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
    )
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False), check as encode:
        for number in range(GUESSES):
            client = Client(REMOTE_ADDR=str(IPv4Address("198.18.0.1") + number % addresses))
            # By either name: it is one account.
            log_in(client, ("ada", "ada@example.org")[number // addresses % 2], f"guess {number}")
        return encode.call_count


def test_guessing_from_one_address_is_stopped_and_others_are_not_kept_out(member):
    assert guesses_let_through(addresses=1) == 20

    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert log_in(elsewhere, "ada").url == "/"


def test_guessing_from_many_addresses_is_stopped_and_the_owner_still_gets_in(member):
    owner = Client(REMOTE_ADDR="198.51.100.7")
    log_in(owner, "ada")
    owner.post("/users/logout/")

    assert guesses_let_through(addresses=GUESSES // 2) == 60
    with time_machine.travel("2026-03-01T12:00:01Z", tick=False):
        stranger = Client(REMOTE_ADDR="198.51.100.8")
        assert "Too many attempts" in log_in(stranger, "ada").content.decode()
        # From a browser that has been in before.
        assert log_in(owner, "ada").url == "/"


def test_a_cookie_that_was_made_up_opens_no_other_count(member):
    guesses_let_through(addresses=GUESSES // 2)
    with time_machine.travel("2026-03-01T12:00:01Z", tick=False):
        forger = Client(REMOTE_ADDR="198.51.100.8")
        forger.cookies["known_device"] = signing.dumps([member.pk], key="another", salt="accounts.devices")
        assert "Too many attempts" in log_in(forger, "ada").content.decode()


def test_logging_out_takes_a_post(member_client):
    member_client.get("/users/logout/")
    assert is_logged_in(member_client)

    response = member_client.post("/users/logout/")
    assert response.url == "/"
    assert not is_logged_in(member_client)


def test_a_private_page_leads_to_log_in_and_back(client, member):
    response = client.get("/users/settings/")

    assert response.url == "/users/login/?next=/users/settings/"
    assert log_in(client, "ada", next="/users/settings/").url == "/users/settings/"


def test_the_admins_own_log_in_leads_to_the_sites(client, db):
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/users/login/")
