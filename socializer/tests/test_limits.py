"""Members are kept to a measure by counting what they made, exactly, however many processes there are."""

import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection
from django.test import Client

from accounts.tests.factories import UserFactory
from posts.models import Post, Report
from posts.tests.factories import PostFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_too_many_posts_are_refused_with_the_time_to_wait_and_the_text_kept(member, settings):
    settings.POST_LIMIT = (2, 600)
    with time_machine.travel(NOON, tick=False) as clock:
        client = Client()
        client.force_login(member)
        for text in ("one", "two"):
            assert client.post("/posts/add/", {"content": text}).status_code == 302
        clock.shift(120)
        response = client.post("/posts/add/", {"content": "three"})
        assert response.status_code == 429
        assert "Wait 9\xa0minutes" in response.content.decode()
        assert response.context["form"]["content"].value() == "three"
        clock.shift(481)
        assert client.post("/posts/add/", {"content": "three"}).status_code == 302


# Posts once as each member, whenever it is told to.
POSTING = """
import django, sys
django.setup()
from django.conf import settings
from django.test import Client
from accounts.models import User

settings.POST_LIMIT = (1, 600)
for member in User.objects.order_by("pk"):
    client = Client()
    client.force_login(member)
    print("ready", flush=True)
    sys.stdin.readline()
    print(client.post("/posts/add/", {"content": "x"}).status_code, flush=True)
"""


def database_url():
    """How another process reaches the database of this test."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


@pytest.fixture
def posting_processes(transactional_db):
    """Returns a function that starts a process of POSTING for each of so many; they end with the test."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "socializer.tests.settings",
        "ALLOWED_HOSTS": "testserver",
        "DATABASE_URL": database_url(),
    }
    with ExitStack() as stack:

        def start(count):
            command = [sys.executable, "-c", POSTING]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
            environ = os.environ | environment
            return [
                stack.enter_context(subprocess.Popen(command, env=environ, **pipes))  # noqa: S603
                for _ in range(count)
            ]

        yield start


def test_processes_posting_in_the_same_moment_never_pass_the_limit(posting_processes):
    members = [UserFactory() for _ in range(10)]
    processes = posting_processes(2)
    for _member in members:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
        assert sorted(process.stdout.readline() for process in processes) == ["302\n", "429\n"]

    assert Post.objects.count() == len(members)


def test_too_many_follows_are_refused_with_a_word(member, member_client, settings):
    settings.FOLLOW_LIMIT = (1, 600)
    for name in ("bob", "cleo"):
        UserFactory(username=name)

    member_client.post("/@bob/follow/")
    assert "Wait 10\xa0minutes" in member_client.post("/@cleo/follow/", follow=True).content.decode()
    fragment = member_client.post("/@cleo/follow/", headers={"HX-Request": "true"}).content.decode()
    assert "Wait 10\xa0minutes" in fragment
    assert ">Follow</button>" in fragment
    assert member.follows.count() == 1


def test_too_many_reports_are_refused_with_the_note_kept(member_client, settings):
    settings.REPORT_LIMIT = (1, 600)
    for post in (PostFactory(), PostFactory()):
        response = member_client.post(
            f"/posts/{post.pk}/report/", {"reason": "other", "note": "Look at this"}
        )

    assert response.status_code == 429
    assert "Look at this" in response.content.decode()
    assert Report.objects.count() == 1
