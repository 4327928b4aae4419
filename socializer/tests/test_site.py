"""Tests for every page: headers, errors and health."""

from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from redis.exceptions import RedisError

from accounts.tests.factories import UserFactory
from posts.tests.factories import PostFactory
from socializer.logs import add_request


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/livez/", "/healthz/", "/nope/", "/users/login/", "/@nobody/", "/users/settings/"]
)
def test_every_response_has_security_headers(client, path):
    headers = client.get(path).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_the_process_answers_without_a_database(client):
    response = client.get("/livez/")  # This test has no database access.

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_health_of_each_part(client):
    assert client.get("/healthz/").status_code == 200
    assert client.get("/healthz/?format=json").json()

    with mock.patch("health_check.checks.Cache.run", side_effect=RuntimeError("cache is gone")):
        response = client.get("/healthz/")
    assert response.status_code == 500


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("gone"), 503, "isn't responding right now"),
        (RedisError("gone"), 503, "isn't responding right now"),
        (RuntimeError("bug"), 500, "Something went wrong"),
    ],
)
def test_error_pages_have_the_sites_design(member_client, error, status, words):
    member_client.raise_request_exception = False
    with mock.patch("posts.views.timelines.home_timeline", side_effect=error):
        response = member_client.get("/")

    assert response.status_code == status
    assert words in response.content.decode()


def test_a_missing_database_is_a_503(client):
    client.raise_request_exception = False
    client.cookies["sessionid"] = "x" * 32
    with mock.patch(
        "django.db.backends.base.base.BaseDatabaseWrapper.cursor", side_effect=OperationalError("gone")
    ):
        response = client.get("/explore/")

    assert response.status_code == 503
    assert "We'll be right back" in response.content.decode()


@pytest.mark.django_db
def test_an_unknown_host_is_a_bad_request(client):
    response = client.get("/", headers={"host": "evil.example"})

    assert response.status_code == 400
    assert "We couldn't read that request" in response.content.decode()


def test_a_huge_body_is_refused_with_a_message(member_client):
    response = member_client.post("/posts/add/", {"content": "x" * 6_000_000}, follow=True)

    assert response.status_code == 413
    assert "That is too long to send" in response.content.decode()


@pytest.mark.django_db
def test_a_missing_page(client):
    response = client.get("/no/such/page/")

    assert response.status_code == 404
    assert "Page not found" in response.content.decode()


@pytest.mark.parametrize(
    "path", ["/", "/explore/", "/@ada/", "/users/", "/users/settings/", "/@ada/followers/", "/posts/add/"]
)
def test_every_page_for_members_has_a_log_out_button_and_one_heading(member_client, path):
    text = member_client.get(path).content.decode()

    assert "Log out</button>" in text
    assert text.count("<h1") == 1
    assert '<html lang="en">' in text


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/@ada/follow/", ["get"]),
        ("/@ada/unfollow/", ["get"]),
        ("/", ["put", "delete"]),
        ("/explore/", ["post"]),
        ("/posts/1/", ["post"]),
    ],
)
def test_other_methods_are_not_allowed(member_client, path, methods):
    PostFactory(id=1)
    for method in methods:
        response = getattr(member_client, method)(path)
        assert response.status_code == 405
        assert "You can't open this page directly" in response.content.decode()
        assert response["Allow"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["/users/settings/", "/users/", "/posts/add/", "/@ada/followers/", "/users/sessions/", "/users/email/"],
)
def test_private_pages_ask_visitors_to_log_in(client, path):
    UserFactory(username="ada")
    assert client.get(path).url.startswith("/users/login/?next=")


@pytest.mark.django_db
@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "198.51.100.7")])
def test_the_log_has_the_trusted_address_of_the_client(client, settings, caplog, proxies, address):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    with caplog.at_level("INFO"):
        client.get("/explore/", headers={"x-forwarded-for": "203.0.113.9, 198.51.100.7"})

    (record,) = [record for record in caplog.records if record.msg == "request_finished"]
    assert add_request(None, "info", {"request": record.request})["ip"] == address


def test_the_address_in_a_header_is_not_trusted(member, settings):
    """Without a trusted proxy, anyone can write anything into X-Forwarded-For."""
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/ip"}
    for number in range(5):
        response = Client(headers={"x-forwarded-for": f"198.51.100.{number}"}).post(
            "/users/login/", {"login": "ada", "password": "guess"}
        )
    assert "Too many attempts" in response.content.decode()
