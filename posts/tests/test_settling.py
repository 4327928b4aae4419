"""A post's id is made a little before its commit: for two seconds one can still appear below a newer one, and none is missed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from posts import ids
from posts.models import ReadMark
from posts.tests.factories import PostFactory

TOP = ids.MAX_ID
LISTS = ["/", "/explore/", "/@bob/"]


def write(author, age, content="text"):
    """A post whose id was made so many seconds ago, committed now."""
    moment = timezone.now() - timedelta(seconds=age)
    return PostFactory(author=author, id=ids.first_id_at(moment), content=content)


@pytest.fixture
def fresh(bob, clock):
    """Posts of one second ago and of long ago."""
    write(bob, 3600, "old")
    return write(bob, 1, "fresh")


@pytest.mark.parametrize("path", LISTS)
def test_the_link_to_newer_posts_leads_to_one_that_was_committed_late(member_client, bob, fresh, clock, path):
    newer = member_client.get(path, {"before": TOP}).context["page"].newer
    late = write(bob, 1.9, "late")
    assert late.pk < fresh.pk

    assert "late" in member_client.get(path, {"after": newer}).content.decode()


@pytest.mark.parametrize("path", LISTS)
def test_it_leads_no_further_back_than_it_must(member_client, bob, fresh, clock, path):
    newer = member_client.get(path, {"before": TOP}).context["page"].newer
    assert newer == ids.first_id_at(timezone.now() - timedelta(seconds=2))


def test_a_feed_does_so_too(client, bob, fresh, clock):
    response = client.get("/@bob/feed.atom", {"before": TOP}).content.decode()
    assert f"after={ids.first_id_at(timezone.now() - timedelta(seconds=2))}" in response


def test_a_post_that_is_committed_late_is_not_taken_as_read(member, member_client, bob, fresh, clock):
    member_client.get("/")
    mark = ReadMark.objects.get(reader=member)
    late = write(bob, 1.9, "late")

    assert mark.position < late.pk
    clock.shift(timedelta(minutes=1))
    assert "2 new posts" in member_client.get("/news/", {"after": mark.position}).content.decode()


def test_what_may_still_change_is_not_counted(member_client, bob, fresh, clock):
    after = {"after": ids.first_id_at(timezone.now() - timedelta(minutes=5))}
    assert member_client.get("/news/", after).status_code == 204
    clock.shift(timedelta(seconds=2))
    assert "1 new post" in member_client.get("/news/", after).content.decode()
