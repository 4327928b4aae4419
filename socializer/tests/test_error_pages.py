"""Error pages use the language of their reader, and need no database."""

from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone, translation

from accounts.tests.factories import UserFactory


@pytest.fixture
def shown():
    """The language and time zone in which each error page was rendered."""
    seen = []

    def render(name, context=None, *args, **kwargs):
        seen.append((translation.get_language(), timezone.get_current_timezone_name()))
        return name

    with mock.patch("socializer.views.render_to_string", render):
        yield seen


@pytest.fixture
def reader(db):
    client = Client(raise_request_exception=False, headers={"accept-language": "en"})
    client.force_login(UserFactory(username="ada", language="zh-hans", time_zone="Asia/Tokyo"))
    return client


REQUESTS = {
    "an unknown address": lambda client: client.get("/no/such/page/"),
    "an unknown address without a slash": lambda client: client.post("/nope"),
    "a missing picture": lambda client: client.get(f"/media/pictures/{'a' * 32}-96.webp"),
    "an unknown person": lambda client: client.get("/@nobody/"),
    "a method that the page does not know": lambda client: client.put("/explore/"),
    "a body too large": lambda client: client.post("/posts/add/", {"content": "x" * 6_000_000}),
}


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
def test_every_error_page_is_in_the_members_language_and_time_zone(reader, shown, ask):
    response = ask(reader)

    assert response.status_code in (404, 405, 413)
    assert shown == [("zh-hans", "Asia/Tokyo")]
    assert response.headers["Content-Language"] == "zh-hans"


def test_the_length_of_a_405_page_is_that_of_its_text(reader):
    UserFactory(username="bob")
    response = reader.get("/@bob/follow/")

    assert response.status_code == 405
    assert int(response.headers["Content-Length"]) == len(response.content) > 100


def test_a_refused_form_is_in_the_members_language(shown, db):
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(username="ada", language="zh-hans", time_zone="Asia/Tokyo"))
    client.post("/posts/add/", {"content": "x"})
    client.post("/posts/add/", {"content": "x"}, headers={"origin": "https://evil.example"})

    assert shown == [("zh-hans", "Asia/Tokyo")] * 2


def test_a_page_about_our_bug_is_in_the_members_language(reader, shown):
    with mock.patch("posts.views.timelines.HomeView.get", side_effect=RuntimeError("bug")):
        assert reader.get("/").status_code == 500
    assert shown == [("zh-hans", "Asia/Tokyo")]


def test_the_page_has_the_translated_text(reader):
    page = reader.get("/no/such/page/").content.decode()

    assert '<html lang="zh-hans">' in page
    with translation.override("zh-hans"):
        assert translation.gettext("Page not found") in page


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.django_db
def test_visitors_read_error_pages_in_the_browsers_language(shown, ask):
    with translation.override("de"):  # Left behind by the last request in this thread.
        ask(Client(headers={"accept-language": "zh-CN,zh;q=0.9"}))

    # If the body is too large, a visitor is redirected to the login page.
    assert set(shown) <= {("zh-hans", "UTC")}


@pytest.mark.parametrize("path", ["/no/such/page/", "/media/pictures/x", "/"])
def test_error_pages_work_without_the_database(shown, path):
    """The test has no database access, and a session cookie would make Django query it."""
    client = Client(raise_request_exception=False, headers={"accept-language": "zh-hans"})
    client.cookies["sessionid"] = "x" * 32
    away = OperationalError("gone")
    with mock.patch("django.db.backends.base.base.BaseDatabaseWrapper.cursor", side_effect=away):
        assert client.get(path).status_code == 503
    assert shown == [("zh-hans", "UTC")]


def test_an_unknown_stored_language_does_not_matter(shown, db):
    client = Client(raise_request_exception=False)
    client.force_login(UserFactory(time_zone="Europe/Atlantis", language="xx"))

    assert client.get("/no/such/page/").status_code == 404
    assert len(shown) == 1


@pytest.mark.django_db
def test_before_the_member_is_known_the_browser_decides(shown):
    with translation.override("de"):
        Client(headers={"accept-language": "zh-cn"}).get("/", headers={"host": "evil.example"})
    assert shown == [("zh-hans", "UTC")]


def test_the_language_doesnt_leak_into_later_requests(reader):
    zone = timezone.get_current_timezone_name()
    reader.get("/no/such/page/")

    visitor = Client(headers={"accept-language": "en"}).get("/no/such/page/")
    assert '<html lang="en">' in visitor.content.decode()
    assert timezone.get_current_timezone_name() == zone


def test_a_working_site_shows_its_header_and_navigation(reader):
    for ask in REQUESTS.values():
        page = ask(reader).content.decode()
        assert 'action="/users/logout/"' in page
        assert 'href="/@ada/"' in page
        assert 'content="noindex"' in page
    visitor = Client().get("/no/such/page/").content.decode()
    assert 'href="/users/login/"' in visitor
    assert 'class="site-nav"' in visitor


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
def test_if_the_header_fails_the_page_does_without(reader, ask):
    def fail(user):
        raise OperationalError("gone")

    with mock.patch("accounts.models.User.get_absolute_url", fail):
        response = ask(reader)
    page = response.content.decode()

    assert response.status_code in (404, 405, 413)
    assert 'class="error-page"' in page
    assert "/users/logout/" not in page


def test_our_own_errors_have_no_header(reader):
    for error in (RuntimeError("bug"), OperationalError("gone")):
        with mock.patch("posts.views.timelines.HomeView.get", side_effect=error):
            assert 'class="error-page"' in reader.get("/").content.decode()


def test_a_missing_picture_uses_up_no_message(reader):
    UserFactory(username="bob")
    reader.post("/@bob/block/")
    reader.get(f"/media/pictures/{'a' * 32}-96.webp")

    assert 'class="message success"' in reader.get("/help/").content.decode()
