"""Every database error, anywhere, is a 503 that returns the submitted text. Conflicts are retried once."""

import threading
import time
from contextlib import contextmanager
from unittest import mock

import django.db
import psycopg
import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.http import HttpResponse

from accounts.adapter import AccountAdapter
from accounts.forms import ProfileForm
from accounts.models import Follow, User
from accounts.sessions import SessionStore
from accounts.tests.factories import UserFactory
from accounts.tests.pictures import picture
from posts.models import Post
from posts.views import HomeView
from socializer.tests.faults import another_connection, needs_postgresql

TEXT = "Do not lose me"
ERRORS = [
    connection.Database.OperationalError,  # Django raises this unwrapped when it closes a server-side cursor.
    django.db.DataError,
    django.db.DatabaseError,
    django.db.IntegrityError,
    django.db.InterfaceError,
    django.db.InternalError,
    django.db.NotSupportedError,
    django.db.OperationalError,
    django.db.ProgrammingError,
]
PLACES = {
    "in the view": "posts.views.PostCreateView.get_form",
    "in a middleware": "accounts.middleware.use_locale_of",
    "while the user is loaded": "accounts.backends.AuthenticationBackend.get_user",
    "in the template": "posts.views.PostCreateView.get_context_data",
    "when the session is stored": "accounts.sessions.SessionStore.save",
}


@pytest.fixture
def client(member, member_client):
    UserFactory(username="grace")
    member.is_staff = member.is_superuser = True
    member.save()
    member_client.raise_request_exception = False
    return member_client


def conflict(driver_error=psycopg.errors.DeadlockDetected):
    error = OperationalError("deadlock detected")
    error.__cause__ = driver_error("deadlock detected")
    return error


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_any_error_anywhere_is_a_503_that_returns_the_text(client, settings, place, error):
    settings.SESSION_SAVE_EVERY_REQUEST = True
    with mock.patch(place, side_effect=error("cannot execute INSERT in a read-only transaction")):
        # Too long for a post, so the form is shown again.
        response = client.post("/posts/add/", {"content": TEXT * 99})

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert TEXT in response.content.decode()


def test_the_log_has_one_line_with_the_cause(client, caplog):
    with mock.patch("posts.views.timelines.home_timeline", side_effect=OperationalError("read-only")):
        client.get("/")

    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.msg == "request_failed"
    assert line.code == 503
    assert line.cause == "OperationalError: read-only"


def test_an_error_while_storing_a_session_is_not_mistaken_for_a_deleted_session(member_client):
    """A primary that became read-only raises InternalError."""
    session = SessionStore(member_client.session.session_key)
    session["x"] = 1
    with (
        mock.patch("django.db.models.Model.save", side_effect=django.db.InternalError("read-only")),
        pytest.raises(django.db.InternalError),
    ):
        session.save()
    SessionStore().delete(session.session_key)
    with pytest.raises(UpdateError):
        session.save()


@contextmanager
def failing(owner, name, *errors):
    """Let a method do its work and then raise the next of `errors`, if any is left. Yields a list of the results."""
    original, errors, results = getattr(owner, name), list(errors), []

    def call(*args, **kwargs):
        results.append(original(*args, **kwargs))
        if errors:
            raise errors.pop(0)
        return results[-1]

    with mock.patch.object(owner, name, call):
        yield results


PROFILE = {"display_name": "Ada Lovelace", "bio": ""}
# What fails at first, and the request to which it belongs.
REQUESTS = {
    "post": (Post, "publish", lambda client: client.post("/posts/add/", {"content": TEXT})),
    "follow": (User, "follow", lambda client: client.post("/@grace/follow/")),
    "picture": (
        ProfileForm,
        "save",
        lambda client: client.post("/users/settings/profile/", PROFILE | {"picture": picture()}),
    ),
    "log out": (AccountAdapter, "logout", lambda client: client.post("/users/logout/")),
    "look": (HomeView, "get", lambda client: client.get("/")),
    "admin": (User, "suspend", lambda client: client.post("/admin/accounts/user/", suspension_of("grace"))),
}


def suspension_of(username):
    pk = User.objects.get(username=username).pk
    return {"action": "suspend", "_selected_action": [pk], "reason": "Spam wave."}


@pytest.mark.parametrize(
    "error", [conflict(), conflict(psycopg.errors.SerializationFailure), IntegrityError("twice")]
)
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_after_a_conflict_the_request_is_retried(client, request_, error):
    owner, name, send = request_
    with failing(owner, name, error) as results:
        response = send(client)

    assert response.status_code in (200, 302)
    assert len(results) == 2


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_request_is_not_retried_twice(client, request_):
    owner, name, send = request_
    with failing(owner, name, conflict(), conflict()) as results:
        response = send(client)

    assert response.status_code == 503
    assert len(results) == 2


def test_other_errors_are_not_retried(client):
    with failing(Post, "publish", OperationalError("disk full")) as results:
        response = REQUESTS["post"][-1](client)

    assert response.status_code == 503
    assert len(results) == 1


def test_after_two_conflicts_the_text_is_returned(client):
    with failing(Post, "publish", conflict(), conflict()):
        response = client.post("/posts/add/", {"content": TEXT})

    assert response.status_code == 503
    assert f"{TEXT}</textarea>" in response.content.decode()
    assert not Post.objects.exists()


def test_the_retry_starts_in_the_same_state(client, member):
    """Changes that the first attempt made to the session, the user and the request are discarded."""
    seen = []

    def act(view, request, *args, **kwargs):
        seen.append((request.session.get("x"), request.user.bio, hasattr(request, "x"), request.POST["a"]))
        request.session["x"] = request.x = 1
        request.user.bio = "changed"
        if len(seen) == 1:
            raise conflict()
        return HttpResponse()

    with mock.patch("posts.views.PostCreateView.dispatch", act):
        assert client.post("/posts/add/", {"a": "1"}).status_code == 200
    assert seen == [(None, member.bio, False, "1")] * 2
    assert client.session["x"] == 1


def test_a_body_of_another_type_can_be_read_again(client):
    bodies = []

    def act(view, request, *args, **kwargs):
        bodies.append(request.body)
        if len(bodies) == 1:
            raise conflict()
        return HttpResponse()

    with mock.patch("posts.views.PostCreateView.dispatch", act):
        client.post("/posts/add/", b'{"a": 1}', content_type="application/json")
    assert bodies == [b'{"a": 1}'] * 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("commit", [True, False])
def test_stored_changes_are_not_made_twice(client, member, commit):
    attempts = []

    def act(view, request, *args, **kwargs):
        attempts.append(1)
        with transaction.atomic():
            User.objects.filter(pk=member.pk).update(bio="stored")
            transaction.set_rollback(not commit)
        raise conflict()

    with mock.patch("posts.views.PostCreateView.dispatch", act):
        assert client.post("/posts/add/", {"content": TEXT}).status_code == 503
    assert len(attempts) == (1 if commit else 2)


@pytest.mark.django_db(transaction=True)
def test_changes_stored_without_a_transaction_are_not_made_twice(client, member):
    attempts = []

    def act(view, request, *args, **kwargs):
        attempts.append(1)
        User.objects.filter(pk=member.pk).update(bio="stored")
        raise conflict()

    with mock.patch("posts.views.PostCreateView.dispatch", act):
        assert client.post("/posts/add/", {"content": TEXT}).status_code == 503
    assert len(attempts) == 1


@needs_postgresql
@pytest.mark.django_db(transaction=True)
def test_after_a_real_deadlock_both_requests_succeed(client, member):
    grace, follow = User.objects.get(username="grace"), User.follow
    with another_connection() as other:
        lock = "SELECT 1 FROM accounts_user WHERE id = %s FOR UPDATE"
        other.execute("SET deadlock_timeout = '1min'")  # So the request is the one that fails.
        other.execute("BEGIN")
        other.execute(lock, [grace.pk])

        def wait_for_member():
            other.execute(lock, [member.pk])
            other.execute("ROLLBACK")

        waiting = threading.Thread(target=wait_for_member)

        def follow_against_the_order(follower, followed):
            with transaction.atomic():
                if not waiting.ident:
                    User.objects.select_for_update().get(pk=member.pk)
                    waiting.start()
                    wait_until_blocked(other.info.backend_pid)
                    connection.cursor().execute("SET LOCAL deadlock_timeout = '10ms'")
                return follow(follower, followed)

        with mock.patch.object(User, "follow", follow_against_the_order):
            response = client.post("/@grace/follow/")
        waiting.join()
    assert response.status_code == 302
    assert Follow.objects.filter(follower=member, followed=grace).count() == 1


def wait_until_blocked(process):
    with connection.cursor() as cursor:
        for _ in range(1000):
            cursor.execute("SELECT cardinality(pg_blocking_pids(%s))", [process])
            if cursor.fetchone()[0]:
                return
            time.sleep(0.005)
    raise AssertionError("It is not blocked.")
