"""/healthz/ and `manage.py doctor` try what they report on, and frequent requests cause no more work."""

import socket
import socketserver
import threading
from contextlib import contextmanager, suppress
from io import StringIO
from unittest import mock

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.core.files.storage import InMemoryStorage
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection
from redis.exceptions import ConnectionError as RedisConnectionError

from accounts.common import local_cache
from socializer import health

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def doctor():
    out = StringIO()
    with suppress(CommandError):
        call_command("doctor", stdout=out)
    return out.getvalue()


def health_of(client):
    """Return the status and a dict of each part's message."""
    response = client.get("/healthz/?format=json")
    return response.status_code, response.json()


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks just enough SMTP. `answers` maps commands to answers other than OK. `heard` lists the commands."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, answers):
        self.answers, self.heard, self.connections = answers, [], 0
        super().__init__(("127.0.0.1", 0), Conversation)


class Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.connections += 1
        self.say(self.server.answers.get("connect", "220 here"))
        for line in self.rfile:
            word = line.split()[0].decode().upper()
            self.server.heard.append(word)
            usual = (
                "250-here\r\n250 AUTH PLAIN" if word == "EHLO" else "235 ok" if word == "AUTH" else "250 ok"
            )
            self.say(self.server.answers.get(word, usual))
            if word == "QUIT":
                return

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def mail_server(settings, **answers):
    settings.EMAIL_BACKEND, settings.EMAIL_IS_DELIVERED = SMTP, True
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "user", "password"
    with MailServer(answers) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.django_db
def test_a_healthy_site_is_reported_and_nothing_is_left_behind(client, settings):
    with mail_server(settings) as server:
        status, parts = health_of(client)

        assert (status, set(parts.values())) == (200, {"OK"})
        assert server.heard == ["EHLO", "AUTH", "NOOP", "QUIT"]
        assert "mail server" not in doctor()
    assert not Session.objects.filter(session_key__startswith="health").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answers",
    [
        {"AUTH": "535 wrong password"},
        {"connect": "554 go away"},
        {"EHLO": "421 too busy", "HELO": "421 too busy"},
        {"NOOP": "451 out of disk"},
    ],
)
def test_a_mail_server_that_rejects_us_is_reported(client, settings, answers):
    with mail_server(settings, **answers):
        status, parts = health_of(client)
        said = doctor()

    assert status == 500
    assert "The mail server doesn't answer, or rejects the login." in parts["MailServer()"]
    answer = next(iter(answers.values()))
    assert answer not in str(parts)  # This page is public.
    assert answer in said
    assert "Check EMAIL_URL" in said


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_mail_server_that_is_down_is_reported(client, settings, host):
    settings.EMAIL_BACKEND, settings.EMAIL_IS_DELIVERED = SMTP, True
    settings.EMAIL_HOST, settings.EMAIL_PORT = host, free_port()

    status, parts = health_of(client)
    assert status == 500
    assert "EMAIL_URL" in parts["MailServer()"]
    assert "The mail server doesn't answer" in doctor()


@pytest.mark.django_db
def test_a_silent_mail_server_times_out(client, settings, monkeypatch):
    monkeypatch.setattr(health, "SMTP_TIMEOUT", 0.2)
    settings.EMAIL_BACKEND, settings.EMAIL_IS_DELIVERED = SMTP, True
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        assert health_of(client)[0] == 500


@contextmanager
def full_disk():
    """Keep SQLite's file from growing, which has the same effect as a full disk."""
    if connection.vendor != "sqlite":
        pytest.skip("Only SQLite can limit its file.")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # Earlier tests left free pages that could be reused.
        usual = cursor.execute("PRAGMA max_page_count").fetchone()[0]
        cursor.execute("PRAGMA max_page_count = 1")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA max_page_count = {usual}")


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_reported(client):
    with full_disk():
        with pytest.raises(DatabaseError, match="full"):
            health.write_to_database()
        status, parts = health_of(client)
        said = doctor()

    assert status == 500
    assert "not written to" in parts["DatabaseWrites()"]
    assert "Can't write to the database: database or disk is full" in said


@pytest.mark.django_db
def test_a_read_only_database_is_reported(client):
    with mock.patch.object(
        Session, "save", side_effect=OperationalError("attempt to write a readonly database")
    ):
        assert health_of(client)[0] == 500
        assert "Can't write to the database: attempt to write a readonly database" in doctor()


class FullStorage(InMemoryStorage):
    def _save(self, name, content):
        raise OSError(28, "No space left on device")


class ForgetfulStorage(InMemoryStorage):
    def exists(self, name):
        return False


@pytest.mark.django_db
@pytest.mark.parametrize("storage", [FullStorage, ForgetfulStorage])
def test_a_broken_picture_storage_is_reported(client, settings, storage):
    path = f"{__name__}.{storage.__name__}"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": path}}

    status, parts = health_of(client)
    assert (status, "MEDIA_STORAGE" in parts["Pictures()"]) == (500, True)
    assert "Check MEDIA_STORAGE" in doctor()


@pytest.mark.django_db
def test_a_timeline_redis_that_is_down_is_reported(client, settings):
    settings.TIMELINE_REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert health_of(client)[0] == 200  # The timeline doesn't use it.

    local_cache.clear_all()
    settings.HOME_TIMELINE = "fanout_write"
    status, parts = health_of(client)
    assert (status, "TIMELINE_REDIS_URL" in parts["TimelineRedis()"]) == (500, True)
    assert "Check TIMELINE_REDIS_URL" in doctor()


@pytest.mark.django_db
def test_a_redis_that_loses_values_is_noticed(settings):
    redis = mock.Mock(getdel=mock.Mock(return_value=None))
    with mock.patch("socializer.health.home_timeline", return_value=mock.Mock(client=mock.Mock(redis=redis))):
        with pytest.raises(health.RedisError):
            health.use_timeline_redis()


@pytest.mark.django_db
def test_a_cache_that_is_down_is_reported(client):
    with mock.patch.object(type(caches["default"]), "set", side_effect=RedisConnectionError("away")):
        assert health_of(client)[0] == 500


@pytest.mark.django_db
def test_frequent_requests_cause_no_more_work(client, settings):
    """The page is public, so it must not load the mail server or the disk."""
    with (
        mail_server(settings, AUTH="535 no") as server,
        mock.patch("socializer.health.checks.Storage.check_save", side_effect=OSError("full")) as storing,
        mock.patch.object(Session, "save", side_effect=OperationalError("full")) as writing,
    ):
        answers = [health_of(client) for _ in range(20)]

        assert server.connections == 1
        assert writing.call_count == 1
        assert storing.call_count <= 1
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 500


@pytest.mark.django_db
def test_the_mail_server_is_checked_again_after_a_minute(client, settings):
    with mail_server(settings, AUTH="535 no") as server:
        assert health_of(client)[0] == 500
        server.answers.clear()
        assert health_of(client)[0] == 500
        local_cache.clear_all()  # As if a minute had passed.
        assert health_of(client)[0] == 200


def test_simultaneous_requests_run_a_check_once():
    begun, go_on = threading.Event(), threading.Event()
    calls = []

    class Slow(health.CachedCheck):
        message = "Broken."

        def act(self):
            calls.append(1)
            begun.set()
            go_on.wait(5)

    threads = [threading.Thread(target=Slow().failure) for _ in range(8)]
    for thread in threads:
        thread.start()
    begun.wait(5)
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
