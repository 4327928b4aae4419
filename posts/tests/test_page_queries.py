"""How many queries a conversation and the notifications make, however many rows there are. For home, see test_home_timeline.

What every page of a member needs isn't counted: see `own_queries_of()`.
"""

import pytest

from accounts.tests.factories import UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory
from posts.tests.reading import own_queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def fill(member):
    """Return a function that adds people who follow the member, like, mention and reply. It returns the post they reply to."""
    first = PostFactory(author=member)

    def add(count):
        for _number in range(count):
            person = UserFactory()
            person.follow(member)
            reply = Post(author=person, content="I agree", in_reply_to=first)
            reply.publish()
            Post(author=member, content="So do I", in_reply_to=reply).publish()
            Post(author=person, content="Hello @ada").publish()
            PostFactory(author=member).like(person)
        return first

    return add


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/about/", 0),
        # The post, the replies, the posts above with the author's others, and what the member did with all of these.
        ("/posts/{}/", 4),
        ("/notifications/", 3),  # The groups, their people and their posts.
    ],
)
def test_the_queries_of_a_page_do_not_depend_on_the_rows(member_client, fill, path, own, monkeypatch):
    monkeypatch.setattr("posts.rendering.cards.mentions_version", lambda: "the same all the time")
    for size in (1, 30):
        url = path.format(fill(size).pk)
        for _visit in range(2):  # Until the cards are in memory, and what the pages show has been seen.
            member_client.get("/notifications/")
            member_client.get(url)
        assert own_queries_of(member_client, url) == own


def test_notifications_take_one_more_query_if_some_are_new(member_client, fill):
    for size in (1, 30):
        fill(size)
        assert own_queries_of(member_client, "/notifications/") == 4
