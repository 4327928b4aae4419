"""Nobody waits for what a process can do before its first request, and no process waits for it to be possible."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from socializer import gunicorn

ROOT = Path(__file__).resolve().parents[2]

# In a process of its own: in this one, most has been read by other tests.
READ_LATER = """
import django
django.setup()
from unittest import mock
from accounts.models import User
from django.db import OperationalError
from django.template.loader import get_template
from socializer.warming import warm_up
try:
    with mock.patch("django.db.backends.base.base.BaseDatabaseWrapper.cursor", side_effect=OperationalError):
        warm_up(None)
except OperationalError:
    pass
with mock.patch("heroicons.ZipFile", side_effect=AssertionError("An icon is read.")):
    with mock.patch("builtins.open", side_effect=AssertionError("A template is read.")):
        get_template("posts/home_timeline.html")
        get_template("_navigation.html").render({"user": User(username="ada")})
"""


def test_templates_and_icons_are_read_before_the_first_request():
    subprocess.run([sys.executable, "-c", READ_LATER], check=True)  # noqa: S603 (our own words)


@pytest.mark.parametrize(
    "error", [RuntimeError("bug"), ImportError("no such template library"), OSError("gone")]
)
def test_whatever_goes_wrong_the_process_starts(error):
    worker = mock.Mock()
    with mock.patch("socializer.warming.get_template", side_effect=error):
        gunicorn.post_worker_init(worker)

    worker.log.warning.assert_called_once()
    assert worker.log.warning.call_args.kwargs["exc_info"]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def status_of(url):
    try:
        return urlopen(url, timeout=10).status  # noqa: S310 (our own server)
    except HTTPError as error:
        return error.code


def answer_when_up(url):
    """The status that `url` answers with, once somebody listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return status_of(url)
        except (URLError, ConnectionError):
            time.sleep(0.1)
    pytest.fail("Nobody listens.")


def databases(folder):
    """The URL of each kind of database that a process may meet when it starts."""
    older, empty = folder / "older.sqlite3", folder / "empty.sqlite3"
    database = sqlite3.connect(older)
    # As an older release made it: most columns are not there yet.
    database.execute("CREATE TABLE accounts_user (id INTEGER PRIMARY KEY, username TEXT)")
    database.execute("CREATE TABLE posts_post (id INTEGER PRIMARY KEY, content TEXT)")
    database.commit()
    database.close()
    empty.touch()
    return {
        "older": f"sqlite:///{older}",
        "empty": f"sqlite:///{empty}",
        "a folder that is not there": f"sqlite:///{folder}/nowhere/x.sqlite3",
        "away": f"postgres://nobody@127.0.0.1:{free_port()}/x",
    }


@pytest.mark.parametrize("kind", ["older", "empty", "a folder that is not there", "away"])
def test_the_server_starts_with_any_database(tmp_path, kind):
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
        "DATABASE_URL": databases(tmp_path)[kind], "BIND": f"127.0.0.1:{port}", "PORT": str(port), "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "socializer.wsgi", "--config", "python:socializer.gunicorn"]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        assert answer_when_up(f"http://127.0.0.1:{port}/livez/") == 200
        # Without its tables the site can't work, but it says so.
        assert status_of(f"http://127.0.0.1:{port}/explore/") >= 500
        assert server.poll() is None
    finally:
        server.terminate()
        server.wait(20)
