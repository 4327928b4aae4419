"""Members are kept to a measure by counting what they made, exactly, however many processes there are."""

import threading
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


@pytest.mark.django_db(transaction=True)
def test_several_posting_at_the_limit_never_pass_it(settings):
    settings.POST_LIMIT = (5, 600)
    ada = UserFactory()
    answers = []
    start = threading.Barrier(4, timeout=10)

    def run():
        client = Client()
        client.force_login(ada)
        start.wait()
        try:
            answers.extend(client.post("/posts/add/", {"content": f"{n}"}).status_code for n in range(4))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join(timeout=60) for thread in threads]

    assert sorted(answers) == [302] * 5 + [429] * 11
    assert Post.objects.count() == 5


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
