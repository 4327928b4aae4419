"""A database of the first release is brought up to date, with its jobs, its sessions and all that people wrote."""

import gzip
import os
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest
import time_machine
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.jobs.worker import Worker
from accounts.models import Delivery, Job

NAMES = {"ada", "alan", "annie", "bob", "dorothy", "grace", "katherine", "mary"}
# A day after the database was made.
UPGRADED_ON = datetime(2026, 11, 28, 17, tzinfo=UTC)
FOLDER = Path(__file__).parent / "upgrade"
# What the first release stored that must be the same afterwards: tables and columns.
KEPT = {
    "accounts_user": "id, username, email, password, display_name, bio, suspended_on, is_staff, date_joined",
    "accounts_follow": "id, follower_id, followed_id, created_on",
    "posts_post": "id, author_id, content, created_on, hidden_on",
    "account_emailaddress": "id, user_id, email, verified",
    "django_session": "session_key, session_data, expire_date",
    "usersessions_usersession": "id, user_id, session_key, created_at",
}


@pytest.fixture
def first_release(django_db_blocker, settings, tmp_path):
    """A database as the first release left it, in the place of the tests' own."""
    # The cookie was signed with this.
    settings.SECRET_KEY = "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz"
    text = gzip.decompress((FOLDER / f"first-{connection.vendor}.sql.gz").read_bytes()).decode()
    with django_db_blocker.unblock(), another_database(tmp_path):
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.connection.executescript(text)
            else:
                cursor.execute(text)
        connection.close()  # The dump has left its settings behind.
        yield


@contextmanager
def another_database(folder):
    """Have Django's connection lead to an empty database."""
    own, other = connection.settings_dict["NAME"], str(folder / "upgrade.sqlite3")
    if connection.vendor == "postgresql":
        other = f"test_upgrade_{os.getpid()}"

    def run(statement):
        if connection.vendor == "postgresql":
            with connection._nodb_cursor() as cursor:
                cursor.execute(f"{statement} {other}")

    connection.close()
    run("DROP DATABASE IF EXISTS")
    run("CREATE DATABASE")
    connection.settings_dict["NAME"] = other
    ContentType.objects.clear_cache()
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own
        ContentType.objects.clear_cache()
        run("DROP DATABASE IF EXISTS")


def kept_rows():
    with connection.cursor() as cursor:
        rows = {}
        for table, columns in KEPT.items():
            cursor.execute(f"SELECT {columns} FROM {table} ORDER BY 1")  # noqa: S608 (our own words)
            rows[table] = cursor.fetchall()
    return rows


def test_nothing_is_lost_by_the_upgrade_from_the_first_release(first_release):
    before = kept_rows()
    waiting = list(Job.objects.exclude(status__in=["SUCCESSFUL", "FAILED"]).values_list("pk", flat=True))
    assert len(waiting) == 25

    with time_machine.travel(UPGRADED_ON) as clock:
        call_command("migrate", verbosity=0)
        with mock.patch.object(Worker, "configure_signals"):
            call_command("worker", batch=True)
            # Of several new followers, the first is told of at once and the others an hour later.
            clock.shift(timedelta(hours=2))
            call_command("worker", batch=True)

    assert kept_rows() == before
    assert not Job.objects.failed().exists()
    done = Job.objects.filter(pk__in=waiting)
    assert {job.status for job in done} == {"SUCCESSFUL"}
    obsolete = [job.return_value for job in done if job.return_value]
    assert sorted(obsolete) == ["Obsolete: The email was sent.", "Obsolete: The follow was undone."]
    assert_each_email_is_sent_once()
    assert not Delivery.objects.filter(state=Delivery.State.WAITING).exists()

    assert not Job.objects.exclude(status="SUCCESSFUL").exists()

    key = Session.objects.get(expire_date__year=2100).session_key
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    home = client.get("/")
    assert home.context["user"].username == "ada"
    assert "The first post" in home.content.decode()


def assert_each_email_is_sent_once():
    """Look at the emails that the new release sent. The old one had sent one of each kind: Ada's confirmation, and Bob's follow."""
    recipients = defaultdict(list)
    told = defaultdict(list)
    for message in mail.outbox:
        recipient = message.to[0].partition("@")[0]
        recipients[message.subject].append(recipient)
        if "follow" in message.subject:
            told[recipient] += [name for name in NAMES - {recipient} if f"/@{name}/" in message.body]
    confirmed = recipients["Please Confirm Your Email Address"]
    assert sorted(confirmed) == ["alan", "annie", "bob", "dorothy", "grace", "katherine", "mary"]
    assert sorted(recipients["Password Reset Email"]) == ["ada", "grace", "mary"]
    # Grace wants no such emails, Dorothy is suspended, and follows Alan no longer.
    assert {recipient: sorted(names) for recipient, names in told.items()} == {
        "ada": ["alan", "annie", "grace", "katherine"],
        "bob": ["ada", "alan", "grace"],
        "katherine": ["ada", "annie", "mary"],
    }
