"""While Redis is down, hangs or refuses, the site works, requests don't wait for long, and guessing is still limited."""

import json
import re
from unittest import mock

import pytest
import time_machine
from allauth.account.views import request_login_code
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client
from django.urls import path

from accounts.common.transactions import atomic_post
from accounts.models import User
from accounts.tests import test_passkeys, test_second_factor
from accounts.tests.email_helpers import link_in
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.passkeys import Passkey
from accounts.tests.test_second_factor import CODE_PAGE, SECRET, code_now, is_logged_in
from posts.circuit_breaker import Unavailable
from posts.models import Post
from posts.rendering.cards import ask_cache
from posts.timelines import TIMELINES
from posts.timelines.redis.client import RedisClient
from socializer.management.commands import set_up
from socializer.tests.broken_redis import KINDS, use_broken_redis
from socializer.urls import *  # noqa: F403
from socializer.urls import urlpatterns as site_patterns

# LOGIN_BY_CODE decides at the start whether this path exists.
urlpatterns = [path("users/login/code/", atomic_post(request_login_code)), *site_patterns]

NEW = "a longer new password"


@pytest.fixture(params=["refused", "hanging", "read-only"])
def broken(request, settings, db):
    settings.ROOT_URLCONF = __name__
    with use_broken_redis(request.param, settings) as server:
        yield server


def code_in(emails):
    (code,) = re.findall(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$", "".join(email.body for email in emails), re.MULTILINE)
    return code


def test_an_account_works_from_sign_up_to_leaving(broken, client, run_jobs, mailoutbox):
    data = {"username": "ada", "email": "ada@example.org", "password1": PASSWORD}
    assert client.post("/users/signup/", data).url == "/users/welcome/"
    run_jobs()
    client.post(link_in(mailoutbox[-1]))
    assert client.post("/users/logout/").status_code == 302
    assert not is_logged_in(client)

    client.post("/users/password/reset/", {"email": "ada@example.org"})
    run_jobs()
    client.post(client.get(link_in(mailoutbox[-1])).url, {"password1": NEW, "password2": NEW})
    client = Client()
    client.post("/users/login/code/", {"email": "ada@example.org"})
    run_jobs()
    client.post("/users/login/code/confirm/", {"code": code_in(mailoutbox)})
    assert is_logged_in(client)

    client = Client()
    client.post("/users/login/", {"login": "ada@example.org", "password": NEW})
    assert is_logged_in(client)
    passwords = {"oldpassword": NEW, "password1": PASSWORD, "password2": PASSWORD}
    assert client.post("/users/password/change/", passwords).status_code == 302
    client.post("/users/reauthenticate/", {"password": PASSWORD})
    client.post("/users/email/", {"email": "lovelace@example.org", "action_add": ""})
    run_jobs()
    client.post(link_in(next(mail for mail in mailoutbox if mail.to == ["lovelace@example.org"])))
    assert User.objects.get().email == "lovelace@example.org"
    assert client.post("/users/leave/", {"password": PASSWORD, "sure": "on"}).status_code == 302
    assert not User.objects.exists()


def test_every_second_factor_works_once(broken, member, settings):
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False
    owner, passkey = Client(), Passkey()
    owner.force_login(member)
    owner.post("/users/reauthenticate/", {"password": PASSWORD}, secure=True)
    assert test_passkeys.add(owner, passkey).status_code == 302
    with_passkey = Client()
    test_passkeys.log_in(with_passkey, passkey)
    assert is_logged_in(with_passkey)

    TOTP.activate(member, SECRET)
    with time_machine.travel("2026-03-01T12:00:05Z", tick=False):
        for code in (code_now(), RecoveryCodes.activate(member).get_unused_codes()[0]):
            first, second = Client(), Client()
            test_second_factor.log_in(first, code)
            test_second_factor.log_in(second, code)
            assert is_logged_in(first)
            assert not is_logged_in(second)


@pytest.mark.parametrize("timeline", TIMELINES)
def test_members_can_read_write_and_follow(broken, timeline, member, settings, run_jobs):
    settings.HOME_TIMELINE = timeline
    bob, client, bobs = UserFactory(username="bob"), Client(), Client()
    client.force_login(member)
    bobs.force_login(bob)
    client.post("/@bob/follow/")
    bobs.post("/posts/add/", {"content": "Hello @ada"})
    run_jobs()
    post = Post.objects.get()
    for address in (
        "/",
        "/unread/",
        "/explore/",
        "/@bob/",
        f"/posts/{post.pk}/",
        "/users/settings/",
        "/@bob/feed.atom",
    ):
        response = client.get(address, follow=True)
        assert response.status_code == 200
        assert "Hello" in response.content.decode() or "settings" in address
    bobs.post(f"/posts/{post.pk}/edit/", {"content": "Goodbye @ada"})
    assert "Goodbye" in client.get("/").content.decode()
    client.post("/@bob/block/")
    assert "Goodbye" not in client.get("/").content.decode()
    assert Client().get("/").status_code == 200


def test_an_administrator_can_log_in_and_the_health_check_reports_redis(broken, settings):
    UserFactory(username="chief", is_staff=True, is_superuser=True)
    client = Client()
    response = client.post(
        "/users/login/?next=/admin/", {"login": "chief", "password": PASSWORD}, follow=True
    )
    assert response.request["PATH_INFO"] == "/admin/"
    assert response.status_code == 200
    assert client.get("/livez/").status_code == 200
    assert "Cache" in str(json.loads(client.get("/healthz/?format=json").content))


@pytest.mark.parametrize("kind", KINDS)
def test_errors_of_redis_are_treated_like_no_response(kind, settings):
    with use_broken_redis(kind, settings):
        assert ask_cache("get_many", ["x"]) is None
        ask_cache("set", "x", 1)
        with pytest.raises(Unavailable):
            RedisClient().script("return 1")(["x"])


def test_the_site_starts_and_reports_redis(settings, monkeypatch):
    settings.EMAIL_IS_DELIVERED = True
    monkeypatch.delenv("HOST", raising=False)
    with use_broken_redis("refused", settings):
        (warning,) = set_up.warnings()
    assert "Check CACHE_URL" in warning


@pytest.mark.django_db
def test_a_page_waits_for_a_hanging_redis_twice_and_then_skips_it(settings, member_client):
    settings.HOME_TIMELINE = "fanout_write"
    with use_broken_redis("hanging", settings) as server:
        for _page in range(5):
            assert member_client.get("/").status_code == 200
        assert server.connections <= 2  # One for timelines and one for the cache.


# More guesses than are allowed. The test counts how many were compared with the secret.
GUESSES = 64


def password_guesses(member):
    for number in range(GUESSES):
        data = {"login": "ada", "password": f"guess {number}"}
        yield from_anywhere(number).post("/users/login/", data)


def totp_guesses(member):
    TOTP.activate(member, SECRET)
    client = Client()
    test_second_factor.log_in(client)
    for number in range(GUESSES):
        yield client.post(CODE_PAGE, {"code": f"{number:06}"}, REMOTE_ADDR=address(number))


def login_code_guesses(member):
    """Each emailed code allows three guesses."""
    for number in range(0, GUESSES, 3):
        client = from_anywhere(number)
        yield client.post("/users/login/code/", {"email": "ada@example.org"})
        for _attempt in range(3):
            yield client.post("/users/login/code/confirm/", {"code": "AAAA-AAAA"})


def reset_requests(member):
    """The number of emails to a mailbox is limited in the same way."""
    for number in range(GUESSES):
        yield from_anywhere(number).post("/users/password/reset/", {"email": "ada@example.org"})


def address(number):
    return f"198.51.{number // 250}.{number % 250}"


def from_anywhere(number):
    """Return a client with its own IP address."""
    return Client(REMOTE_ADDR=address(number))


@pytest.mark.parametrize(
    ("kind", "guesses", "compare"),
    [
        ("refused", password_guesses, "accounts.models.User.check_password"),
        ("hanging", password_guesses, "accounts.models.User.check_password"),
        ("hanging", totp_guesses, "allauth.mfa.totp.internal.auth.validate_totp_code"),
        ("hanging", login_code_guesses, "allauth.account.forms.compare_user_code"),
        ("hanging", reset_requests, "accounts.adapter.outbox.enqueue_rendered"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_guessing_is_still_limited(member, kind, guesses, compare, settings):
    settings.ROOT_URLCONF = __name__
    with (
        use_broken_redis(kind, settings),
        time_machine.travel("2026-03-01T12:00:05Z", tick=False),
        mock.patch(compare, return_value=False) as compared,
    ):
        statuses = [response.status_code for response in guesses(member)]

    assert 0 < compared.call_count <= 60
    assert 429 in statuses
