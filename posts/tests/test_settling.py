"""An id is made just before its commit, so for two seconds a post can appear below a newer one. No reader misses it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from posts import ids
from posts.reading.models import ReadMarker
from posts.tests.factories import PostFactory

TOP = ids.MAX_ID
LISTS = ["/", "/explore/", "/@bob/"]


def write(author, age, content="text"):
    """Return a post that is committed now and whose id was made `age` seconds ago."""
    time = timezone.now() - timedelta(seconds=age)
    return PostFactory(author=author, id=ids.first_id_at(time), content=content)


@pytest.fixture
def fresh(bob, clock):
    """Return a post from a second ago. There is also an old one."""
    write(bob, 3600, "old")
    return write(bob, 1, "fresh")


@pytest.mark.parametrize("path", LISTS)
def test_the_link_to_newer_posts_includes_one_that_was_committed_late(member_client, bob, fresh, clock, path):
    newer = member_client.get(path, {"before": TOP}).context["page"].newer
    late = write(bob, 1.9, "late")
    assert late.pk < fresh.pk

    assert "late" in member_client.get(path, {"after": newer}).content.decode()


@pytest.mark.parametrize("path", LISTS)
def test_the_link_goes_back_no_further_than_needed(member_client, bob, fresh, clock, path):
    newer = member_client.get(path, {"before": TOP}).context["page"].newer
    assert newer == ids.first_id_at(timezone.now() - timedelta(seconds=2))


def test_a_feed_links_in_the_same_way(client, bob, fresh, clock):
    response = client.get("/@bob/feed.atom", {"before": TOP}).content.decode()
    assert f"after={ids.first_id_at(timezone.now() - timedelta(seconds=2))}" in response


def test_a_post_that_is_committed_late_is_unread(member, member_client, bob, fresh, clock):
    member_client.get("/")
    marker = ReadMarker.objects.get(reader=member)
    late = write(bob, 1.9, "late")

    assert marker.position < late.pk
    clock.shift(timedelta(minutes=1))
    assert "2 new posts" in member_client.get("/news/", {"after": marker.position}).content.decode()


def test_posts_that_are_not_settled_are_not_counted(member_client, bob, fresh, clock):
    after = {"after": ids.first_id_at(timezone.now() - timedelta(minutes=5))}
    assert member_client.get("/news/", after).status_code == 204
    clock.shift(timedelta(seconds=2))
    assert "1 new post" in member_client.get("/news/", after).content.decode()
