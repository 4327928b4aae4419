"""What holds for every page: headers, errors, health."""

from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from redis.exceptions import RedisError

from accounts.tests.factories import UserFactory
from posts.tests.factories import PostFactory


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/livez/", "/healthz/", "/nope/", "/users/login/", "/@nobody/", "/users/settings/"]
)
def test_every_answer_tells_browsers_what_not_to_do(client, path):
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
    response = client.get("/livez/")  # This test may not touch the database.

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_health_by_parts(client):
    assert client.get("/healthz/").status_code == 200
    assert client.get("/healthz/?format=json").json()

    with mock.patch("health_check.checks.Cache.run", side_effect=RuntimeError("cache is gone")):
        response = client.get("/healthz/")
    assert response.status_code == 500


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("gone"), 503, "does not answer just now"),
        (RedisError("gone"), 503, "does not answer just now"),
        (RuntimeError("bug"), 500, "Something broke"),
    ],
)
def test_what_breaks_is_a_page_in_the_sites_design(member_client, error, status, words):
    member_client.raise_request_exception = False
    with mock.patch("posts.views.timelines.home_timeline", side_effect=error):
        response = member_client.get("/")

    assert response.status_code == status
    assert words in response.content.decode()


def test_a_database_that_is_gone_altogether_is_a_503(client):
    client.raise_request_exception = False
    client.cookies["sessionid"] = "x" * 32
    with mock.patch(
        "django.db.backends.base.base.BaseDatabaseWrapper.cursor", side_effect=OperationalError("gone")
    ):
        response = client.get("/explore/")

    assert response.status_code == 503
    assert "We will be right back" in response.content.decode()


@pytest.mark.django_db
def test_an_unknown_host_is_a_bad_request(client):
    response = client.get("/", headers={"host": "evil.example"})

    assert response.status_code == 400
    assert "That request makes no sense here" in response.content.decode()


def test_a_body_beyond_all_measure_is_refused_with_a_word(member_client):
    response = member_client.post("/posts/add/", {"content": "x" * 6_000_000}, follow=True)

    assert response.status_code == 413
    assert "That was too much at once" in response.content.decode()


@pytest.mark.django_db
def test_a_page_that_is_not_there(client):
    response = client.get("/no/such/page/")

    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


@pytest.mark.parametrize(
    "path", ["/", "/explore/", "/@ada/", "/users/", "/users/settings/", "/@ada/followers/", "/posts/add/"]
)
def test_every_page_of_a_member_offers_log_out_and_has_one_heading(member_client, path):
    text = member_client.get(path).content.decode()

    assert "Log out</button>" in text
    assert text.count("<h1") == 1
    assert '<html lang="en">' in text


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/@ada/follow/", ["get"]),
        ("/@ada/unfollow/", ["get"]),
        ("/", ["post", "put", "delete"]),
        ("/explore/", ["post"]),
        ("/posts/1/", ["post"]),
    ],
)
def test_other_methods_are_not_allowed(member_client, path, methods):
    PostFactory(id=1)
    for method in methods:
        response = getattr(member_client, method)(path)
        assert response.status_code == 405
        assert "This address works in another way" in response.content.decode()
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
def test_the_log_names_the_address_that_can_be_believed(client, settings, caplog, proxies, address):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    with caplog.at_level("INFO"):
        client.get("/explore/", headers={"x-forwarded-for": "203.0.113.9, 198.51.100.7"})

    (line,) = [record.msg for record in caplog.records if "request_finished" in str(record.msg)]
    assert line["ip"] == address


def test_the_clients_address_is_not_what_a_header_claims(member, settings):
    """Without a trusted proxy, X-Forwarded-For is what anybody wrote there."""
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/ip"}
    for number in range(5):
        response = Client(headers={"x-forwarded-for": f"198.51.100.{number}"}).post(
            "/users/login/", {"login": "ada", "password": "guess"}
        )
    assert "Too many attempts" in response.content.decode()
