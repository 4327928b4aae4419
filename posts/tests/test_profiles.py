"""Profiles: what they say about a person, and how one's own and the lists of followers are titled."""

from datetime import UTC, datetime

import pytest

from accounts.tests.factories import FollowFactory, UserFactory
from posts.tests.factories import PostFactory
from posts.views import timelines


def text_of(client, path):
    return " ".join(client.get(path).content.decode().split())


def test_a_profile_shows_the_number_of_posts_and_since_when(client, db, monkeypatch):
    bob = UserFactory(username="bob", date_joined=datetime(2026, 3, 5, tzinfo=UTC))
    assert "<strong>0</strong> posts" in text_of(client, "/@bob/")
    PostFactory(author=bob)
    PostFactory(author=bob).hide()
    page = text_of(client, "/@bob/")
    assert "<strong>1</strong> post<" in page
    assert "Joined March 2026" in page

    monkeypatch.setattr(timelines, "POST_COUNT_LIMIT", 3)
    for _ in range(2):
        PostFactory(author=bob)
    assert "<strong>3</strong> posts" in text_of(client, "/@bob/")
    PostFactory(author=bob)
    assert "<strong>3+</strong> posts" in text_of(client, "/@bob/")


def test_someone_who_only_replies_has_posts_and_is_not_said_to_have_written_nothing(
    client, member, member_client
):
    for viewer, words in ((client, "Ada Lovelace has only written"), (member_client, "You've only written")):
        reply = PostFactory(author=member, in_reply_to=PostFactory())
        assert f"{words} replies so far." in text_of(viewer, "/@ada/").replace("&#x27;", "'")
        assert reply.content in text_of(viewer, "/@ada/replies/")
    assert "<strong>2</strong> posts" in text_of(client, "/@ada/")


@pytest.mark.parametrize(
    ("path", "own", "strangers"),
    [
        ("/@{}/followers/", "Your followers", "Followers of"),
        ("/@{}/following/", "People you follow", "follows"),
        ("/@{}/", "<title>Your profile", "<title>Bob"),
    ],
)
def test_ones_own_pages_are_titled_as_such(member, member_client, path, own, strangers):
    FollowFactory(follower=UserFactory(username="bob", display_name="Bob"), followed=member)

    assert own in text_of(member_client, path.format("ada"))
    assert strangers not in text_of(member_client, path.format("ada"))
    assert own not in text_of(member_client, path.format("bob"))
    assert strangers in text_of(member_client, path.format("bob"))


def test_every_post_has_a_menu_for_members_only(client, member, member_client, django_assert_num_queries):
    post = PostFactory(author=UserFactory(username="bob"))
    own = PostFactory(author=member)
    page = text_of(member_client, "/explore/")

    assert f'href="/posts/{post.pk}/report/"' in page
    assert f'href="/posts/{own.pk}/delete/"' in page
    assert f'href="/posts/{own.pk}/report/"' not in page
    assert "<details" not in text_of(client, "/explore/").partition("<main")[2]
    assert all(len(card) < 1_800 for card in page.split("<article")[1:-1])
