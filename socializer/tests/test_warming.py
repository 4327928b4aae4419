"""Processes warm up before their first request, and start even if that fails."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from unittest import mock
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from django.test.client import ClientHandler

from accounts.tests.factories import FollowFactory
from posts.tests.factories import PostFactory
from socializer import gunicorn
from socializer.warming import warm_up

ROOT = Path(__file__).resolve().parents[2]

# This runs in a process of its own, because other tests have compiled most templates in this one.
WITHOUT_DATABASE = """
import django
django.setup()
from unittest import mock
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError
from django.template.loader import get_template
from socializer.warming import warm_up
try:
    with mock.patch("django.db.backends.base.base.BaseDatabaseWrapper.cursor", side_effect=OperationalError):
        warm_up(get_wsgi_application())
except OperationalError:
    pass
else:
    raise AssertionError("The database was not used.")
with mock.patch("builtins.open", side_effect=AssertionError("A template is read.")):
    get_template("posts/home_timeline.html")
    get_template("accounts/_navigation.html")
"""


def test_templates_are_compiled_even_without_a_database():
    subprocess.run([sys.executable, "-c", WITHOUT_DATABASE], check=True)  # noqa: S603 (our own code)


@pytest.mark.django_db
def test_after_warming_up_a_page_renders_no_card_and_compiles_no_sql(client, member):
    follow = FollowFactory(follower=member)
    posts = [PostFactory(author=follow.followed) for _ in range(3)]

    def application(environ, start_response):
        ClientHandler()(environ)
        return BytesIO()

    with mock.patch("socializer.warming.connection"):  # Nothing may close the connection of the test.
        warm_up(application)

    client.force_login(member)
    failure = AssertionError("This should have been done before.")
    with (
        mock.patch("posts.rendering.cards.render_card", side_effect=failure),
        mock.patch("heroicons.ZipFile", side_effect=failure),
        mock.patch("django.db.models.sql.compiler.SQLCompiler.as_sql", side_effect=failure),
    ):
        page = client.get("/").content.decode()
    assert page.count("<article") == len(posts)


@pytest.mark.parametrize(
    "error", [RuntimeError("bug"), ImportError("no such template library"), OSError("gone")]
)
def test_the_process_starts_after_any_error(error):
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
    """Return the status of `url` as soon as the server listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return status_of(url)
        except (URLError, ConnectionError):
            time.sleep(0.1)
    pytest.fail("Nobody listens.")


def databases(folder):
    """Return the URL of a database in one of the states that a starting process may find."""
    older, empty = folder / "older.sqlite3", folder / "empty.sqlite3"
    database = sqlite3.connect(older)
    # A database of an older release without most columns.
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
        # Without its tables, the site can't work, but it shows an error page.
        assert status_of(f"http://127.0.0.1:{port}/explore/") >= 500
        assert server.poll() is None
    finally:
        server.terminate()
        server.wait(20)
