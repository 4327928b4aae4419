"""Nobody waits for what a process can do before its first request."""

import subprocess
import sys
from unittest import mock

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from socializer import warming

# In a process of its own: in this one, most has been read by other tests.
READ_LATER = """
import django
django.setup()
from unittest import mock
from accounts.models import User
from django.db import OperationalError
from django.template.loader import get_template
from socializer import warming
with mock.patch.object(warming, "connection") as connection:
    connection.ensure_connection.side_effect = OperationalError
    warming.warm_up(None)
with mock.patch("heroicons.ZipFile", side_effect=AssertionError("An icon is read.")):
    with mock.patch("builtins.open", side_effect=AssertionError("A template is read.")):
        get_template("posts/home_timeline.html")
        get_template("_navigation.html").render({"user": User(username="ada")})
"""


def test_templates_and_icons_are_read_before_the_first_request():
    subprocess.run([sys.executable, "-c", READ_LATER], check=True)  # noqa: S603 (our own words)


@pytest.mark.django_db
@pytest.mark.parametrize("site", ["http://localhost:8000", "https://social.example.com"])
def test_it_asks_for_the_start_page_and_gets_it(site, settings):
    settings.SITE_URL, settings.SECURE_SSL_REDIRECT = site, site.startswith("https")
    settings.ALLOWED_HOSTS = ["localhost", "social.example.com"]
    answers = []
    handler = WSGIHandler()

    def application(environ, start_response):
        answers.append(handler(environ, start_response))
        return answers[0]

    with mock.patch.object(connection, "close"), CaptureQueriesContext(connection) as queries:
        warming.warm_up(application)
    assert answers[0].status_code == 200
    asked = " ".join(query["sql"] for query in queries)
    assert all(table in asked for table in ("django_session", "posts_readmark", "accounts_follow"))


def test_a_process_starts_though_the_database_is_away(caplog):
    application = mock.Mock()
    with mock.patch.object(warming, "connection") as connection:
        connection.ensure_connection.side_effect = OperationalError("gone")
        warming.warm_up(application)
    assert "does not answer yet: gone" in caplog.text
    application.assert_not_called()
