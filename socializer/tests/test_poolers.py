"""The site behind pgbouncer in transaction mode, where each transaction may use another session of PostgreSQL."""

import json
import time
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.common import poolers
from accounts.emails.models import Delivery
from accounts.jobs.worker import Worker
from accounts.tests.factories import UserFactory
from posts.models import Post
from socializer import environment as env
from socializer.management.commands.doctor import check_pooler
from socializer.tests.faults import ServedClient, in_place_of_the_default
from socializer.tests.pgbouncer import needs_pgbouncer, pgbouncer, url
from socializer.tests.test_environment import manage

pytestmark = [pytest.mark.django_db(transaction=True), *needs_pgbouncer]


@pytest.fixture
def start(tmp_path):
    """Returns a function that starts pgbouncer with additional lines of configuration, and returns its port."""
    with ExitStack() as stack:
        yield lambda more="": stack.enter_context(pgbouncer(tmp_path, more=more))


@pytest.fixture
def through(monkeypatch):
    """Returns a function: within `through(port, query)`, the default connection uses that port and DATABASE_URL's query."""

    def through(port, query):
        monkeypatch.setenv("THING", url(port, query))
        return in_place_of_the_default(**env.database("THING", "", Path()))

    return through


def server_pid():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def wait_for_both_sessions():
    """Wait until pgbouncer has a second session, which it opens shortly after the first."""
    for _ in range(500):
        if server_pid() != server_pid():
            return
        time.sleep(0.01)
    raise AssertionError("There is only one session.")


def test_pages_and_jobs_work(start, through, member):
    UserFactory(username="grace")
    with through(start(), "?pooler=transaction"):
        wait_for_both_sessions()
        client = ServedClient()
        client.force_login(member)
        assert client.post("/posts/add/", {"content": "Hello"}).status_code == 302
        assert client.post("/@grace/follow/").status_code == 302
        for path in ("/", "/explore/", "/@ada/", "/users/", "/healthz/"):
            assert client.get(path).status_code == 200
        worker = Worker()
        worker.run_job(worker.claim_next())
        assert Delivery.objects.filter(recipient__username="grace").exists()
        posts = json.loads(ZipFile(BytesIO(client.get("/users/export/").getvalue())).read("posts.json"))
        assert [post["content"] for post in posts] == ["Hello"]
        call_command("seed_users", count=5, follows=2, verbosity=0)
        call_command("seed_posts", count=20, verbosity=0)
        assert len(list(Post.objects.iterator(chunk_size=5))) == 21
        call_command("migrate", "sessions", "zero", verbosity=0)
        call_command("migrate", "sessions", verbosity=0)
        assert list(check_pooler()) == []


def test_an_undeclared_pooler_is_reported(start, through):
    with through(start("ignore_startup_parameters = options"), ""):
        assert list(check_pooler()) == [poolers.ADVICE]
    assert list(check_pooler()) == []


@pytest.mark.parametrize("more", ["", "ignore_startup_parameters = options"])
def test_wrong_settings_stop_the_start_with_a_message(start, more):
    result = manage("set_up", DATABASE_URL=url(start(more)))

    assert result.returncode != 0
    assert poolers.ADVICE in result.stderr
    assert "Traceback" not in result.stderr


def test_correct_settings_start_the_site(start):
    assert manage("set_up", DATABASE_URL=url(start(), "?pooler=transaction")).returncode == 0
