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
CODE_PAGE = "/users/2fa/authenticate/"


def code_now():
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))


def log_in(client, code=None):
    """Log in as ada with the password and, if given, a code. Returns the last response."""
    response = client.post("/users/login/", {"login": "ada", "password": PASSWORD})
    return response if code is None else client.post(response.url, {"code": code})


def is_logged_in(client):
    return "_auth_user_id" in client.session


@pytest.fixture
def protected(member):
    TOTP.activate(member, SECRET)
    return member


def test_login_asks_for_the_code(protected, client):
    assert log_in(client).url == CODE_PAGE
    assert not is_logged_in(client)

    response = client.post(CODE_PAGE, {"code": "000000"})
    assert "That code isn&#x27;t right." in response.content.decode()
    assert not is_logged_in(client)
    assert "This can&#x27;t be empty." in client.post(CODE_PAGE, {"code": ""}).text
    assert client.post(CODE_PAGE, {"code": code_now()}).url == "/"
    assert is_logged_in(client)


def test_a_code_works_once_even_if_the_cache_is_cleared(protected):
    with time_machine.travel("2026-03-01T12:00:05Z", tick=False):
        code = code_now()
        first, second = Client(), Client()
        log_in(first, code)
        cache.clear()
        log_in(second, code)
        assert is_logged_in(first)
        assert not is_logged_in(second)


def test_the_code_that_sets_up_the_app_does_not_log_in_as_well(member, member_client):
    path = "/users/2fa/totp/activate/"
    with time_machine.travel("2026-03-01T12:00:05Z", tick=False):
        page = member_client.post(f"/users/reauthenticate/?next={path}", {"password": PASSWORD}, follow=True)
        secret = page.context["form"].secret
        code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
        member_client.post(path, {"code": code})
        assert ACTIVE.exists()

        other = Client()
        log_in(other, code)
        assert not is_logged_in(other)


def test_a_recovery_code_works_once(protected):
    code = RecoveryCodes.activate(protected).get_unused_codes()[0]
    first, second = Client(), Client()
    log_in(first, code)
    log_in(second, code)

    assert is_logged_in(first)
    assert not is_logged_in(second)


def test_setting_up_the_app_asks_for_the_password(member_client):
    response = member_client.get("/users/2fa/totp/activate/")

    assert response.url.startswith("/users/reauthenticate/")


def test_an_expired_confirmation_is_repeated_and_the_form_is_then_processed(member_client):
    path = "/users/2fa/totp/activate/"
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        page = member_client.post(f"/users/reauthenticate/?next={path}", {"password": PASSWORD}, follow=True)
        secret = page.context["form"].secret
        clock.shift(3600)
        code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
        confirmation = member_client.post(path, {"code": code})
        assert confirmation.url.startswith("/users/reauthenticate/")
        assert not ACTIVE.exists()

        wrong = member_client.post(confirmation.url, {"password": "wrong"})
        assert not ACTIVE.exists()
        assert wrong.status_code == 200
        member_client.post(confirmation.url, {"password": PASSWORD})
        assert ACTIVE.exists()


def test_the_admin_requires_two_step_login(settings, db):
    settings.ADMIN_REQUIRES_MFA = True
    admin = UserFactory(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(admin)

    response = client.get("/admin/posts/post/", follow=True)
    assert response.redirect_chain[-1][0] == "/users/2fa/"
    assert "The admin requires two-step login." in response.content.decode()

    TOTP.activate(admin, SECRET)
    assert client.get("/admin/posts/post/").status_code == 200
