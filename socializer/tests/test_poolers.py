"""Behind pgbouncer in transaction mode, where each transaction may meet another session of PostgreSQL."""

import json
import time
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import call_command
from django.db import connection

from accounts import poolers
from accounts.jobs.worker import Worker
from accounts.models import FollowNotice
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
    """Returns a function that starts a pgbouncer, with more lines of configuration, and returns its port."""
    with ExitStack() as stack:
        yield lambda more="": stack.enter_context(pgbouncer(tmp_path, more=more))


@pytest.fixture
def through(monkeypatch):
    """Returns a context manager that has everything go through that port, as DATABASE_URL with that query says."""

    def through(port, query):
        monkeypatch.setenv("THING", url(port, query))
        return in_place_of_the_default(**env.database("THING", "", Path()))

    return through


def process():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def wait_for_both_sessions():
    """pgbouncer makes its second session a moment after the first."""
    for _ in range(500):
        if process() != process():
            return
        time.sleep(0.01)
    raise AssertionError("There is one session only.")


def test_everything_works(start, through, member):
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
        worker.run_task(worker.take())
        assert FollowNotice.objects.filter(follower=member).exists()
        posts = json.loads(ZipFile(BytesIO(client.get("/users/export/").getvalue())).read("posts.json"))
        assert [post["content"] for post in posts] == ["Hello"]
        call_command("seed_users", count=5, follows=2, verbosity=0)
        call_command("seed_posts", count=20, verbosity=0)
        assert len(list(Post.objects.iterator(chunk_size=5))) == 21
        call_command("migrate", "sessions", "zero", verbosity=0)
        call_command("migrate", "sessions", verbosity=0)
        assert list(check_pooler()) == []


def test_a_pooler_that_the_settings_do_not_know_of_is_noticed(start, through):
    with through(start("ignore_startup_parameters = options"), ""):
        assert list(check_pooler()) == [poolers.ADVICE]
    assert list(check_pooler()) == []


@pytest.mark.parametrize("more", ["", "ignore_startup_parameters = options"])
def test_wrong_settings_stop_the_start_with_a_sentence(start, more):
    result = manage("set_up", DATABASE_URL=url(start(more)))

    assert result.returncode != 0
    assert poolers.ADVICE in result.stderr
    assert "Traceback" not in result.stderr


def test_the_start_with_the_right_ones(start):
    assert manage("set_up", DATABASE_URL=url(start(), "?pooler=transaction")).returncode == 0
