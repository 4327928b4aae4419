"""Nobody waits for what a process can do before its first request."""

import subprocess
import sys
from unittest import mock

from django.db import OperationalError

from socializer import warming

# In a process of its own: in this one, most has been read by other tests.
READ_LATER = """
import django
django.setup()
from unittest import mock
from accounts.models import User
from django.template.loader import get_template
from socializer import warming
with mock.patch.object(warming, "connection"):
    warming.warm_up()
with mock.patch("zipfile.ZipFile", side_effect=AssertionError("An icon is read.")):
    with mock.patch("pathlib.Path.open", side_effect=AssertionError), mock.patch("builtins.open", side_effect=AssertionError):
        get_template("posts/home_timeline.html")
        get_template("_navigation.html").render({"user": User(username="ada")})
"""


def test_templates_and_icons_are_read_before_the_first_request():
    subprocess.run([sys.executable, "-c", READ_LATER], check=True)  # noqa: S603 (our own words)


def test_a_process_starts_though_the_database_is_away(caplog):
    with mock.patch.object(warming, "connection") as connection:
        connection.ensure_connection.side_effect = OperationalError("gone")
        warming.warm_up()
    assert "does not answer yet: gone" in caplog.text
