"""No request waits for the database longer than its deadline, whatever the reason."""

import time
from contextlib import contextmanager
from math import inf
from unittest import mock

import pytest
from django.db import OperationalError, close_old_connections, connection, transaction
from django.test import Client

from accounts.common import deadlines
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from posts import export
from posts.models import Post
from posts.tests.factories import PostFactory
from socializer.tests.faults import (
    Relay,
    ServedClient,
    another_connection,
    in_place_of_the_default,
    locked_by_another,
    needs_postgresql,
)

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "Do not lose me"
SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


@contextmanager
def soon(seconds=5):
    """Fail if the block takes longer. Without a deadline it would take far longer."""
    started_at = time.monotonic()
    yield
    assert time.monotonic() - started_at < seconds


@pytest.fixture
def client(member):
    """A client of a member whose requests may take a third of a second."""
    client = ServedClient(raise_request_exception=False)
    client.force_login(member)
    with mock.patch("socializer.middleware.REQUEST_SECONDS", 0.3):
        yield client


@pytest.fixture(autouse=True)
def _close_connection(transactional_db):
    yield
    connection.close()


def test_a_request_does_not_wait_for_a_held_lock_and_keeps_the_text(client):
    with locked_by_another(Post), soon():
        response = client.post("/posts/add/", {"content": TEXT})

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert f"{TEXT}</textarea>" in response.content.decode()
    assert client.post("/posts/add/", {"content": TEXT}).status_code == 302


@needs_postgresql
def test_the_waits_for_several_locks_are_added_up(client):
    """The deadline is for all statements of a request together."""
    statements = []

    def act(*args, **kwargs):
        for _ in range(20):
            statements.append(1)
            connection.cursor().execute("SELECT pg_sleep(0.1)")

    with mock.patch("posts.views.timelines.home_timeline", side_effect=act), soon():
        assert client.get("/").status_code == 503
    assert 1 < len(statements) < 6


def test_a_slow_statement_is_cancelled(client):
    def act(*args, **kwargs):
        connection.cursor().execute(SLOW[connection.vendor])

    with mock.patch("posts.views.timelines.home_timeline", side_effect=act), soon():
        assert client.get("/").status_code == 503
    assert client.get("/").status_code == 200


@needs_postgresql
def test_no_statement_is_sent_after_the_deadline():
    with deadlines.limit(0), pytest.raises(OperationalError), transaction.atomic():
        Post.objects.create(author=UserFactory.build(pk=1), content="x")
    connection.close()
    assert not Post.objects.exists()


def test_there_is_no_limit_without_a_deadline(client):
    with mock.patch.object(deadlines, "monotonic", side_effect=AssertionError):
        assert not Post.objects.exists()


def test_time_before_the_first_statement_does_not_count(member):
    with deadlines.limit(0.2):
        time.sleep(0.3)  # A slow upload.
        assert type(member).objects.exists()


def take_long():
    """Work for longer than a usual request may take."""
    time.sleep(0.4)
    with connection.cursor() as cursor:
        # SQLite looks at the clock after this many steps.
        cursor.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"
        )


@pytest.mark.parametrize(
    ("owner", "name", "path", "data"),
    [
        (User, "delete", "/users/leave/", {"password": PASSWORD, "sure": "on"}),
        (export, "export_data", "/users/export/", None),
        (User, "suspend", "/admin/accounts/user/", {"action": "suspend", "reason": "Spam"}),
        (Post, "hide", "/admin/posts/post/", {"action": "hide", "reason": "Spam"}),
    ],
    ids=["leave", "export", "suspend", "hide"],
)
def test_requests_that_handle_everything_of_a_member_may_take_longer(client, member, owner, name, path, data):
    """Otherwise a member with a hundred thousand posts could never leave."""
    User.objects.filter(pk=member.pk).update(is_staff=True, is_superuser=True)
    bob, post = UserFactory(), PostFactory()
    act = getattr(owner, name)

    def act_slowly(*args, **kwargs):
        take_long()
        return act(*args, **kwargs)

    if path.startswith("/admin/"):
        data = data | {"_selected_action": [bob.pk if owner is User else post.pk]}
    with mock.patch.object(owner, name, act_slowly):
        response = client.post(path, data) if data else client.get(path)
    assert response.status_code in (200, 302)
    assert User.objects.filter(pk=member.pk).exists() == (name != "delete")
    assert User.objects.suspended().exists() == (name == "suspend")
    assert Post.objects.filter(hidden_on__isnull=False).exists() == (name == "hide")


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/users/leave/", {"password": PASSWORD, "sure": "on"}),
        ("/admin/posts/post/", {"action": "hide", "reason": "Spam"}),
    ],
)
def test_those_requests_wait_for_locks_no_longer_than_others(client, member, path, data):
    User.objects.filter(pk=member.pk).update(is_staff=True, is_superuser=True)
    data = data | {"_selected_action": [PostFactory(author=member).pk]}
    with locked_by_another(Post), soon():
        assert client.post(path, data).status_code == 503
    assert client.post(path, data).status_code == 302


def test_a_deadline_is_extended_only_if_there_is_one():
    deadlines.extend()
    assert deadlines.remaining() == inf
    with deadlines.limit(0.1):
        deadlines.extend(5)
        assert 4 < deadlines.remaining() <= 5


def test_the_health_check_responds_in_time():
    with mock.patch("socializer.middleware.REQUEST_SECONDS", 0.3), soon():
        with locked_by_another(Post):
            # PostgreSQL only locks the table of posts. SQLite locks the whole database for writing.
            assert Client().get("/healthz/").status_code in (200, 500)


@needs_postgresql
def test_a_request_does_not_wait_for_a_silent_network(client):
    PostFactory()
    with Relay().running() as relay, in_place_of_the_default(HOST="127.0.0.1", PORT=relay.port):
        assert client.get("/explore/").status_code == 200
        relay.silent = True
        with soon():
            response = client.post("/posts/add/", {"content": TEXT})
        assert response.status_code == 503
        assert TEXT in response.content.decode()
        with soon():  # Now the request has to connect.
            assert client.get("/explore/").status_code == 503
        relay.silent = False
        assert client.get("/explore/").status_code == 200


@needs_postgresql
def test_a_late_response_is_never_taken_for_that_of_another_statement():
    with connection.cursor() as cursor, pytest.raises(OperationalError), deadlines.limit(0.1):
        cursor.execute("SELECT pg_sleep(0.3), 1")
    close_old_connections()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)


@needs_postgresql
def test_the_server_cancels_the_statement_of_a_client_that_is_gone():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('client_connection_check_interval')")
        assert cursor.fetchone() == ("2s",)


@needs_postgresql
def test_an_idle_connection_that_was_lost_is_replaced(client):
    assert client.get("/").status_code == 200
    process = connection.connection.info.backend_pid
    with another_connection() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    assert client.get("/").status_code == 200
    assert connection.connection.info.backend_pid != process


@needs_postgresql
def test_a_connection_whose_packets_are_lost_is_replaced(client):
    with Relay().running() as relay, in_place_of_the_default(HOST="127.0.0.1", PORT=relay.port) as own:
        assert client.get("/explore/").status_code == 200
        relay.silent = True
        close_old_connections()
        with mock.patch("socializer.database.postgresql.base.HEALTH_CHECK_SECONDS", 0.1), soon():
            assert not own.is_usable()


@needs_postgresql
def test_a_changed_column_and_a_reset_session_cause_no_error(client):
    """The server keeps no prepared statements, so none can become invalid."""
    PostFactory.create_batch(3)
    for _ in range(7):
        assert client.get("/explore/").status_code == 200
    with another_connection() as other:
        widen = "ALTER TABLE accounts_user ALTER display_name TYPE varchar({})"
        other.execute(widen.format(999))
        try:
            assert client.get("/explore/").status_code == 200
        finally:
            other.execute(widen.format(User._meta.get_field("display_name").max_length))
    connection.cursor().execute("DISCARD ALL")
    assert client.get("/explore/").status_code == 200
