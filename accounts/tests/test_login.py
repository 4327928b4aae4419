from unittest import mock

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from accounts.tests.factories import PASSWORD

URL = "/users/login/"


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


def test_guessing_is_stopped_before_the_owner_is_locked_out(client, member, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "5/m/ip,60/10m/key"}
    answers = [log_in(client, "ada", f"guess {n}") for n in range(8)]

    assert "Too many attempts" in answers[-1].content.decode()
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert log_in(elsewhere, "ada").url == "/"


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
