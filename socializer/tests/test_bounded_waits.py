"""Nobody waits for the database for longer than they may, whatever keeps it from answering."""

import time
from contextlib import contextmanager
from math import inf
from unittest import mock

import pytest
from django.db import OperationalError, close_old_connections, connection, transaction
from django.test import Client

from accounts import deadlines
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory
from posts.views import export
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
    """Fail if it takes so long, which is far less than without a limit."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


@pytest.fixture
def client(member):
    """A member whose requests may wait for a third of a second."""
    client = ServedClient(raise_request_exception=False)
    client.force_login(member)
    with mock.patch("socializer.middleware.REQUEST_SECONDS", 0.3):
        yield client


@pytest.fixture(autouse=True)
def _no_dead_connection_is_left(transactional_db):
    yield
    connection.close()


def test_a_lock_that_is_held_is_not_waited_for_and_the_text_is_kept(client):
    with locked_by_another(Post), soon():
        response = client.post("/posts/add/", {"content": TEXT})

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert f"{TEXT}</textarea>" in response.content.decode()
    assert client.post("/posts/add/", {"content": TEXT}).status_code == 302


@needs_postgresql
def test_nor_are_several_that_each_could_be_waited_for(client):
    """The limit is for all statements of a request together."""
    statements = []

    def act(*args, **kwargs):
        for _ in range(20):
            statements.append(1)
            connection.cursor().execute("SELECT pg_sleep(0.1)")

    with mock.patch("posts.views.timelines.home_timeline", side_effect=act), soon():
        assert client.get("/").status_code == 503
    assert 1 < len(statements) < 6


def test_a_slow_statement_is_cut_off(client):
    def act(*args, **kwargs):
        connection.cursor().execute(SLOW[connection.vendor])

    with mock.patch("posts.views.timelines.home_timeline", side_effect=act), soon():
        assert client.get("/").status_code == 503
    assert client.get("/").status_code == 200


@needs_postgresql
def test_after_the_deadline_nothing_is_asked_any_more():
    with deadlines.limit(0), pytest.raises(OperationalError), transaction.atomic():
        Post.objects.create(author=UserFactory.build(pk=1), content="x")
    connection.close()
    assert not Post.objects.exists()


def test_where_there_is_no_deadline_there_is_none(client):
    with mock.patch.object(deadlines, "monotonic", side_effect=AssertionError):
        assert not Post.objects.exists()


def test_the_time_before_the_first_statement_does_not_count(member):
    with deadlines.limit(0.2):
        time.sleep(0.3)  # A slow upload.
        assert type(member).objects.exists()


def take_long():
    """Work on for a while after the time of a usual request is over."""
    time.sleep(0.4)
    with connection.cursor() as cursor:
        # So many steps that SQLite looks at the clock.
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
def test_what_deals_with_all_that_somebody_has_may_take_longer(client, member, owner, name, path, data):
    """Whoever has a hundred thousand posts could otherwise never leave."""
    User.objects.filter(pk=member.pk).update(is_staff=True, is_superuser=True)
    bob, post = UserFactory(), PostFactory()
    act = getattr(owner, name)

    def act_slowly(*args):
        take_long()
        return act(*args)

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
def test_but_it_waits_for_locks_no_longer_than_others(client, member, path, data):
    User.objects.filter(pk=member.pk).update(is_staff=True, is_superuser=True)
    data = data | {"_selected_action": [PostFactory(author=member).pk]}
    with locked_by_another(Post), soon():
        assert client.post(path, data).status_code == 503
    assert client.post(path, data).status_code == 302


def test_more_time_is_given_only_where_there_is_a_limit():
    deadlines.extend()
    assert deadlines.remaining() == inf
    with deadlines.limit(0.1):
        deadlines.extend(5)
        assert 4 < deadlines.remaining() <= 5


def test_health_answers_within_the_bound():
    with mock.patch("socializer.middleware.REQUEST_SECONDS", 0.3), soon():
        with locked_by_another(Post):
            # On PostgreSQL the table of jobs is not locked, on SQLite nobody can write.
            assert Client().get("/healthz/").status_code in (200, 500)


@needs_postgresql
def test_a_silent_network_is_not_waited_for(client):
    PostFactory()
    with Relay().running() as relay, in_place_of_the_default(HOST="127.0.0.1", PORT=relay.port):
        assert client.get("/explore/").status_code == 200
        relay.silent = True
        with soon():
            response = client.post("/posts/add/", {"content": TEXT})
        assert response.status_code == 503
        assert TEXT in response.content.decode()
        with soon():  # Now it would have to connect.
            assert client.get("/explore/").status_code == 503
        relay.silent = False
        assert client.get("/explore/").status_code == 200


@needs_postgresql
def test_what_a_connection_asked_before_it_was_given_up_is_never_taken_for_another_answer():
    with connection.cursor() as cursor, pytest.raises(OperationalError), deadlines.limit(0.1):
        cursor.execute("SELECT pg_sleep(0.3), 1")
    close_old_connections()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)


@needs_postgresql
def test_the_server_gives_up_the_work_of_a_client_that_is_gone():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('client_connection_check_interval')")
        assert cursor.fetchone() == ("2s",)


@needs_postgresql
def test_a_connection_that_died_while_nobody_asked_is_replaced(client):
    assert client.get("/").status_code == 200
    process = connection.connection.info.backend_pid
    with another_connection() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])
    assert client.get("/").status_code == 200
    assert connection.connection.info.backend_pid != process


@needs_postgresql
def test_so_is_one_whose_packets_get_lost(client):
    with Relay().running() as relay, in_place_of_the_default(HOST="127.0.0.1", PORT=relay.port) as own:
        assert client.get("/explore/").status_code == 200
        relay.silent = True
        close_old_connections()
        with mock.patch("socializer.database.postgresql.base.HEALTH_CHECK_SECONDS", 0.1), soon():
            assert not own.is_usable()


@needs_postgresql
def test_a_changed_column_and_a_reset_session_disturb_nobody(client):
    """No statement is remembered by the server, so none can become wrong."""
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
