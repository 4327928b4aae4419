import time

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client

from accounts.tests.factories import PASSWORD, UserFactory

ACTIVE = Authenticator.objects.filter(user__username="ada", type=Authenticator.Type.TOTP)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ASKS = "/users/2fa/authenticate/"


def code_now():
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))


def log_in(client, code=None):
    """Log in as ada with the password and, if given, a code; returns the last answer."""
    response = client.post("/users/login/", {"login": "ada", "password": PASSWORD})
    return response if code is None else client.post(response.url, {"code": code})


def is_logged_in(client):
    return "_auth_user_id" in client.session


@pytest.fixture
def protected(member):
    TOTP.activate(member, SECRET)
    return member


def test_log_in_asks_for_the_second_factor(protected, client):
    assert log_in(client).url == ASKS
    assert not is_logged_in(client)

    response = client.post(ASKS, {"code": "000000"})
    assert "That code is not right." in response.content.decode()
    assert not is_logged_in(client)
    assert client.post(ASKS, {"code": code_now()}).url == "/"
    assert is_logged_in(client)


def test_a_code_counts_once_whatever_happens_to_the_cache(protected):
    with time_machine.travel("2026-03-01T12:00:05Z", tick=False):
        code = code_now()
        first, second = Client(), Client()
        log_in(first, code)
        cache.clear()
        log_in(second, code)
        assert is_logged_in(first)
        assert not is_logged_in(second)


def test_the_code_that_sets_it_up_does_not_log_in_as_well(member, member_client):
    path = "/users/2fa/totp/activate/"
    with time_machine.travel("2026-03-01T12:00:05Z", tick=False):
        page = member_client.post(f"/users/reauthenticate/?next={path}", {"password": PASSWORD}, follow=True)
        secret = page.context["form"].secret
        code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
        member_client.post(path, {"code": code})
        assert ACTIVE.exists()

        elsewhere = Client()
        log_in(elsewhere, code)
        assert not is_logged_in(elsewhere)


def test_a_recovery_code_counts_once(protected):
    code = RecoveryCodes.activate(protected).get_unused_codes()[0]
    first, second = Client(), Client()
    log_in(first, code)
    log_in(second, code)

    assert is_logged_in(first)
    assert not is_logged_in(second)


def test_setting_it_up_asks_for_the_password_again(member_client):
    response = member_client.get("/users/2fa/totp/activate/")

    assert response.url.startswith("/users/reauthenticate/")


def test_a_confirmation_that_ran_out_is_asked_for_again_and_what_was_sent_goes_on(member_client):
    path = "/users/2fa/totp/activate/"
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        page = member_client.post(f"/users/reauthenticate/?next={path}", {"password": PASSWORD}, follow=True)
        secret = page.context["form"].secret
        clock.shift(3600)
        code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
        asked = member_client.post(path, {"code": code})
        assert asked.url.startswith("/users/reauthenticate/")
        assert not ACTIVE.exists()

        wrong = member_client.post(asked.url, {"password": "wrong"})
        assert not ACTIVE.exists()
        assert wrong.status_code == 200
        member_client.post(asked.url, {"password": PASSWORD})
        assert ACTIVE.exists()


def test_the_admin_asks_staff_for_a_second_factor(settings, db):
    settings.ADMIN_SECOND_FACTOR = True
    chief = UserFactory(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(chief)

    response = client.get("/admin/posts/post/", follow=True)
    assert response.redirect_chain[-1][0] == "/users/2fa/"
    assert "The admin asks for a second factor." in response.content.decode()

    TOTP.activate(chief, SECRET)
    assert client.get("/admin/posts/post/").status_code == 200
