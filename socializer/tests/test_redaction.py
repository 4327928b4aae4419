"""Logs contain no secrets, however the address with the secret is written."""

import io
import logging
from types import SimpleNamespace
from unittest import mock

import pytest
import structlog
from django.test import Client
from django.urls import Resolver404, get_resolver, resolve
from django.utils import timezone

from accounts.tests.factories import UserFactory
from posts.feeds.models import HomeFeed
from socializer import redaction
from socializer.gunicorn import RedactingLogger
from socializer.logs import logging_settings

# Keys like those of the site, signed with a dot or colons, and allauth's.
TOKEN = "0123456789abcdef.Zm9vYmFy-QUX_quux"
KEYS = [TOKEN, "MTI:1tX9aB:s0meS1gn-ature_x", "c9xyz3-5a2b6c7d8e9f0a1b2c3d4e5f"]


@pytest.fixture(params=["console", "json"])
def log(request):
    """Everything that is logged, as written to standard error."""
    stream = io.StringIO()
    formatter = logging_settings(request.param, "DEBUG")["formatters"]["structured"]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(**{k: v for k, v in formatter.items() if k != "()"})
    )
    root = logging.getLogger()
    root.addHandler(handler)
    level, root.level = root.level, logging.DEBUG
    yield stream.getvalue
    root.removeHandler(handler)
    root.level = level


ADDRESSES = [
    "/feeds/{}/home.atom", "/FEEDS/{}/home.atom", "/feeds/{}/home.atom/", "/feeds/{}", "//feeds//{}/home.atom", "/feeds/{}/HOME.ATOM",
    "/%66eeds/{}/home.atom", "/feeds%2F{}%2Fhome.atom", "/x/feeds/{}/home.atom", "/users/unsubscribe/{}/", "/users/unsubscribe/{}",
    "/Users/Unsubscribe/{}/", "/users//unsubscribe/{}/", "/users/confirm-email/{}/", "/users/password/reset/key/{}/",
    "/users/password/reset/key/1-{}/", "/users/password/reset/key/1-{}", "/{}", "/admin/{}/", "/admin/posts/{}/", "/posts/{}/",
    "/users/login/?next=/users/unsubscribe/{}/", "/users/login/?next=%2Fusers%2Funsubscribe%2F{}%2F",
    "/users/login/?next=%252Fusers%252Funsubscribe%252F{}", "/?token={}", "/?{}", "/?before={}", "/explore/?q={}&code={}", "/users/?a=b={}",
    "/media/pictures/{}", "/static/{}",
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("key", KEYS)
def test_no_spelling_of_an_address_reveals_its_key_in_the_log(client, log, key):
    for address in ADDRESSES:
        for method in ("get", "post", "put", "head"):
            getattr(client, method)(address.format(key, key))

    assert key not in log()
    assert key.upper() not in log()
    assert "Not Found: " in log()


@pytest.mark.django_db
@pytest.mark.parametrize("key", KEYS)
def test_referers_and_refused_forms_reveal_no_key(log, key):
    client = Client(enforce_csrf_checks=True)
    referer = f"https://testserver/users/password/reset/key/1-{key}/?token={key}"
    for address in ("/users/login/", f"/users/password/reset/key/1-{key}/", f"/nope/{key}/"):
        client.post(address, {"x": key}, headers={"referer": referer, "origin": "https://evil.example"})
        client.post(address, {"x": key}, headers={"referer": referer}, secure=True)

    assert "Forbidden" in log()
    assert key not in log()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [f"/feeds/{TOKEN}/home.atom", f"/explore/?token={TOKEN}", f"/explore/?next=%2Ffeeds%2F{TOKEN}%2F"],
)
def test_error_reports_reveal_no_key(client, log, address):
    client.raise_request_exception = False
    failing = ("posts.feeds.models.HomeFeed.reader_of", "posts.views.timelines.ExploreView.get")
    for name in failing:
        with mock.patch(name, side_effect=RuntimeError(f"No idea what {address} means.")):
            client.get(address)

    assert "RuntimeError" in log()
    assert "Internal Server Error" in log()
    assert TOKEN not in log()


@pytest.mark.django_db
def test_a_real_feed_and_its_wrong_spellings(client, log, member):
    HomeFeed.renew(member, timezone.now())
    token = HomeFeed.objects.get().token
    for address in (
        f"/feeds/{token}/home.atom",
        f"/Feeds/{token}/home.atom",
        f"/feeds/{token}/home.atom?before=12",
    ):
        client.get(address)

    assert token not in log()
    assert token.partition(".")[0] not in log()
    assert "GET /feeds/***/home.atom?before=12" in log()
    assert "GET /Feeds/***/home.atom" in log()


@pytest.mark.django_db
def test_other_parts_of_addresses_stay_readable(client, log):
    UserFactory(username="ada")
    for address in (
        "/@ada/",
        "/posts/12/?before=12&page=2",
        "/users/nope/",
        "/admin/posts/post/",
        "/%E4%BD%A0/",
    ):
        client.get(address)

    for shown in (
        "GET /@ada/",
        "GET /posts/12/?before=12&page=2",
        "GET /users/***/",
        "GET /admin/posts/post/",
    ):
        assert shown in log()


def test_every_url_argument_is_classified():
    """If you add a URL with an argument, decide here whether it is a secret."""
    import re

    arguments = set()
    for route in redaction._routes(get_resolver().url_patterns):
        arguments |= set(re.findall(r"<(?:\w+:)?(\w+)>", route))
    public = {
        "username", "pk", "name", "section", "number", "object_id", "id", "content_type_id", "app_label", "form",
    }  # fmt: skip
    assert arguments - redaction.SECRET_ARGUMENTS - public == set()


def test_secrets_are_removed_from_text_without_a_request():
    for address in (
        f"/feeds/{TOKEN}/home.atom",
        f"/FEEDS/{TOKEN}",
        f"https://x.example/users/unsubscribe/{TOKEN}/",
    ):
        for text in (
            f"Error handling request {address}",
            f'"GET {address} HTTP/1.1" 404',
            f"<Request: GET '{address}'>",
        ):
            shown = redaction.redact_text(text)
            assert TOKEN not in shown
            assert "***" in shown
    kept = 'File "/srv/site/posts/feeds/atom.py", line 3, in get_object; see https://docs.example/feeds'
    assert redaction.redact_text(kept) == kept


def test_a_site_with_broken_url_patterns_still_logs_the_cause(log, rf):
    with mock.patch("socializer.redaction.get_resolver", side_effect=ImportError("no urls")):
        redaction._secret_route.cache_clear()
        redaction._known_words.cache_clear()
        logging.getLogger("django.request").error(
            "Internal Server Error",
            exc_info=ImportError("no urls"),
            extra={"request": rf.get(f"/nope/{TOKEN}")},
        )
    assert "no urls" in log()
    assert TOKEN not in log()


def test_gunicorns_logs_contain_no_key(capsys):
    config = SimpleNamespace(
        accesslog="-", errorlog="-", loglevel="warning", syslog=None, capture_output=False, logconfig=None,
        logconfig_dict=None, logconfig_json=None, user=0, group=0, access_log_format='%(r)s %(U)s %(q)s "%(f)s" %({referer}i)s',
    )  # fmt: skip
    environ = {
        "REQUEST_METHOD": "GET", "RAW_URI": f"/feeds/{TOKEN}/home.atom?token={TOKEN}", "SERVER_PROTOCOL": "HTTP/1.1",
        "PATH_INFO": f"/feeds/{TOKEN}/home.atom", "QUERY_STRING": f"token={TOKEN}", "HTTP_REFERER": f"http://x/feeds/{TOKEN}/",
    }  # fmt: skip
    logger = RedactingLogger(config)
    response = SimpleNamespace(status="200 OK", headers=[], sent=1)
    took = SimpleNamespace(seconds=1, microseconds=1)
    logger.access(response, SimpleNamespace(headers=[("Referer", environ["HTTP_REFERER"])]), environ, took)
    for uri in (environ["RAW_URI"], f"/nope/{TOKEN}/", f"/FEEDS/{TOKEN}/?{TOKEN}"):
        try:
            resolve(uri.partition("?")[0].replace("feeds", "Feeds"))
        except Resolver404:
            logger.exception("Error handling request %s %s", "GET", uri)
    del environ["PATH_INFO"]  # As when gunicorn itself answers.
    logger.access(response, SimpleNamespace(headers=[]), environ, took)

    said = "".join(capsys.readouterr())
    assert TOKEN not in said
    assert said.count("GET /feeds/***/home.atom?token=*** HTTP/1.1") == 2
    assert "Error handling request GET /feeds/***" in said
    assert "Resolver404" in said
