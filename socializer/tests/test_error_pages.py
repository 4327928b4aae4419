"""Error pages speak to whoever reads them, and need no database for it."""

from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone, translation

from accounts.tests.factories import UserFactory


@pytest.fixture
def shown():
    """The language and the time zone in which each error page was rendered."""
    seen = []

    def render(name, context=None, *args, **kwargs):
        seen.append((translation.get_language(), timezone.get_current_timezone_name()))
        return name

    with (
        mock.patch("socializer.views.render_to_string", render),
        mock.patch("socializer.middleware.render_to_string", render),
    ):
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


def test_a_refused_form_is_too(shown, db):
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(username="ada", language="zh-hans", time_zone="Asia/Tokyo"))
    client.post("/posts/add/", {"content": "x"})
    client.post("/posts/add/", {"content": "x"}, headers={"origin": "https://evil.example"})

    assert shown == [("zh-hans", "Asia/Tokyo")] * 2


def test_so_is_a_page_about_a_fault_of_ours(reader, shown):
    with mock.patch("posts.views.timelines.HomeView.get", side_effect=RuntimeError("bug")):
        assert reader.get("/").status_code == 500
    assert shown == [("zh-hans", "Asia/Tokyo")]


def test_the_words_are_really_there(reader):
    page = reader.get("/no/such/page/").content.decode()

    assert '<html lang="zh-hans">' in page
    with translation.override("zh-hans"):
        assert translation.gettext("There is nothing here") in page


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.django_db
def test_a_visitor_reads_it_in_the_browsers_language(shown, ask):
    with translation.override("de"):  # What the last request in this thread has left behind.
        ask(Client(headers={"accept-language": "zh-CN,zh;q=0.9"}))

    # A body too large leads a visitor to the login.
    assert set(shown) <= {("zh-hans", "UTC")}


@pytest.mark.parametrize("path", ["/no/such/page/", "/media/pictures/x", "/"])
def test_a_database_that_is_away_does_not_matter(shown, path):
    """This test may not touch the database; a session cookie would make Django ask it."""
    client = Client(raise_request_exception=False, headers={"accept-language": "zh-hans"})
    client.cookies["sessionid"] = "x" * 32
    away = OperationalError("gone")
    with mock.patch("django.db.backends.base.base.BaseDatabaseWrapper.cursor", side_effect=away):
        assert client.get(path).status_code == 503
    assert shown == [("zh-hans", "UTC")]


def test_a_stored_choice_that_is_unknown_does_not_matter(shown, db):
    client = Client(raise_request_exception=False)
    client.force_login(UserFactory(time_zone="Europe/Atlantis", language="xx"))

    assert client.get("/no/such/page/").status_code == 404
    assert len(shown) == 1


@pytest.mark.django_db
def test_before_it_is_known_who_asks_the_browser_decides(shown):
    with translation.override("de"):
        Client(headers={"accept-language": "zh-cn"}).get("/", headers={"host": "evil.example"})
    assert shown == [("zh-hans", "UTC")]


def test_nobody_else_is_spoken_to_in_that_language_afterwards(reader):
    zone = timezone.get_current_timezone_name()
    reader.get("/no/such/page/")

    visitor = Client(headers={"accept-language": "en"}).get("/no/such/page/")
    assert '<html lang="en">' in visitor.content.decode()
    assert timezone.get_current_timezone_name() == zone
