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
# A higher number takes longer and shows the same: GUESSES=1000 script/test accounts/tests/test_login.py
GUESSES = int(os.environ.get("GUESSES", 140))


def log_in(client, login, password=PASSWORD, **data):
    return client.post(URL, {"login": login, "password": password} | data)


def is_logged_in(client):
    return "_auth_user_id" in client.session


@pytest.mark.parametrize("login", ["ada", "ADA", " ada ", "ada@example.org", "Ada@Example.ORG"])
def test_username_or_email_in_any_case_logs_in(client, member, login):
    response = log_in(client, login)

    assert response.url == "/"
    assert is_logged_in(client)


def test_remember_me_keeps_the_session_after_the_browser_is_closed(member):
    forgotten, remembered = Client(), Client()
    log_in(forgotten, "ada")
    log_in(remembered, "ada", remember="on")

    assert forgotten.session.get_expire_at_browser_close()
    assert not remembered.session.get_expire_at_browser_close()


@pytest.mark.parametrize("login", ["ada", "ada@example.org", "nobody", "nobody@example.org", "a\x00da"])
def test_a_wrong_password_and_an_unknown_name_get_the_same_response_with_the_same_work(client, member, login):
    with mock.patch.object(
        MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
    ) as encode:
        response = log_in(client, login, "wrong")

    assert response.status_code == 200
    if "\x00" not in login:
        assert response.context["form"].non_field_errors() == [
            "That username, email or password isn't right. Try again."
        ]
        assert encode.call_count == 1
    assert not is_logged_in(client)


def test_a_suspended_member_cannot_log_in(client, member):
    member.suspend()

    response = log_in(client, "ada")

    assert response.url == "/users/suspended/"
    assert not is_logged_in(client)


def test_login_does_not_redirect_to_another_site(client, member):
    assert log_in(client, "ada", next="https://evil.example/").url == "/"
    assert log_in(Client(), "ada", next="/users/settings/").url == "/users/settings/"


def checked_guesses(addresses):
    """Return how many of GUESSES wrong passwords for ada are checked, if they come from that many IP addresses at once."""
    check = mock.patch.object(
        MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
    )
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False), check as encode:
        for number in range(GUESSES):
            client = Client(REMOTE_ADDR=str(IPv4Address("198.18.0.1") + number % addresses))
            # Username and email are the same account.
            log_in(client, ("ada", "ada@example.org")[number // addresses % 2], f"guess {number}")
        return encode.call_count


def test_guessing_from_one_ip_address_is_stopped_and_others_can_log_in(member):
    assert checked_guesses(addresses=1) == 20

    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert log_in(elsewhere, "ada").url == "/"


def test_guessing_from_many_ip_addresses_is_stopped_and_the_owner_can_log_in(member):
    owner = Client(REMOTE_ADDR="198.51.100.7")
    log_in(owner, "ada")
    owner.post("/users/logout/")

    assert checked_guesses(addresses=GUESSES // 2) == 60
    with time_machine.travel("2026-03-01T12:00:01Z", tick=False):
        stranger = Client(REMOTE_ADDR="198.51.100.8")
        assert "Too many attempts" in log_in(stranger, "ada").content.decode()
        # The owner uses a known browser.
        assert log_in(owner, "ada").url == "/"


def test_a_forged_cookie_does_not_start_a_new_count(member):
    checked_guesses(addresses=GUESSES // 2)
    with time_machine.travel("2026-03-01T12:00:01Z", tick=False):
        forger = Client(REMOTE_ADDR="198.51.100.8")
        forger.cookies["known_device"] = signing.dumps([member.pk], key="another", salt="accounts.devices")
        assert "Too many attempts" in log_in(forger, "ada").content.decode()


def test_logging_out_requires_a_post_request(member_client):
    member_client.get("/users/logout/")
    assert is_logged_in(member_client)

    response = member_client.post("/users/logout/")
    assert response.url == "/"
    assert not is_logged_in(member_client)


def test_a_private_page_redirects_to_login_and_back(client, member):
    response = client.get("/users/settings/")

    assert response.url == "/users/login/?next=/users/settings/"
    assert log_in(client, "ada", next="/users/settings/").url == "/users/settings/"


def test_the_admins_login_page_redirects_to_the_sites(client, db):
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/users/login/")
