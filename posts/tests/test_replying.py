"""Replies take their place in a conversation, and only those who may reply can."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.tests.factories import UserFactory
from posts.models import Mention, Post
from posts.models.post import RepliedToGone, RepliesRestricted, ReplyPolicy
from posts.paths import MAX_DEPTH, MAX_LENGTH, depth_of, end_of, ids_in, path_below
from posts.signals import post_edited, post_published
from posts.tests.factories import PostFactory

pytestmark = pytest.mark.django_db


def reply_to(post, author=None, content="A reply", **fields):
    reply = Post(author=author or UserFactory(), content=content, in_reply_to=post, **fields)
    reply.publish()
    return reply


@pytest.fixture
def mentioned():
    """A list to which each event about a post adds the usernames that it names as mentioned."""
    found = []

    def record(sender, mentioned, **kwargs):
        found.append([person.username for person in mentioned])

    for event in (post_published, post_edited):
        event.connect(record)
    yield found
    for event in (post_published, post_edited):
        event.disconnect(record)


def test_replies_know_their_place_in_the_conversation():
    first = PostFactory()
    second = reply_to(first)
    third = reply_to(second)
    third.refresh_from_db()
    assert not first.is_reply
    assert (second.thread, third.thread) == (first.pk, first.pk)
    assert (third.in_reply_to, third.in_reply_to_author) == (second, second.author)
    assert ids_in(bytes(third.path)) == [second.pk, third.pk]
    assert [post.conversation for post in (first, second, third)] == [first.pk] * 3


def test_sorted_by_path_each_post_is_followed_by_its_replies_oldest_first():
    first = PostFactory()
    a = reply_to(first)
    b = reply_to(first)
    a2 = reply_to(a)
    b2 = reply_to(b)
    a3 = reply_to(a)
    a22 = reply_to(a2)
    thread = Post.objects.filter(thread=first.pk).order_by("path")
    assert list(thread) == [a, a2, a22, a3, b, b2]
    path = bytes(a.path)
    below = thread.filter(path__gt=path, path__lt=end_of(path))
    assert list(below) == [a2, a22, a3]


def test_replies_below_the_last_level_become_siblings():
    path = b""
    for post_id in range(1, MAX_DEPTH + 3):
        path = path_below(path, post_id)
    assert len(path) == MAX_LENGTH
    assert depth_of(path) == MAX_DEPTH
    assert ids_in(path) == [*range(1, MAX_DEPTH), MAX_DEPTH + 2]


def test_the_last_id_has_room_in_a_path():
    path = path_below(b"", 2**53 - 1)
    assert path < end_of(path)


def test_a_reply_needs_a_post_that_its_writer_can_see():
    blocker, hidden, suspended = PostFactory(), PostFactory(), PostFactory()
    writer = UserFactory()
    blocker.author.block(writer)
    hidden.hide()
    suspended.author.suspend()
    deleted = PostFactory()
    Post.objects.get(pk=deleted.pk).delete()
    for post in (blocker, hidden, suspended, deleted):
        with pytest.raises(RepliedToGone), transaction.atomic():
            reply_to(post, writer)
    assert not Post.objects.by(writer).exists()


@pytest.mark.parametrize(
    ("policy", "who"),
    [
        (ReplyPolicy.EVERYONE, {"author", "followed", "mentioned", "stranger"}),
        (ReplyPolicy.FOLLOWED, {"author", "followed"}),
        (ReplyPolicy.MENTIONED, {"author", "mentioned"}),
        (ReplyPolicy.NOBODY, {"author"}),
    ],
)
def test_the_author_chooses_who_may_reply(policy, who):
    people = {name: UserFactory() for name in ("author", "followed", "mentioned", "stranger")}
    people["author"].follow(people["followed"])
    post = Post(
        author=people["author"], content=f"Hello @{people['mentioned'].username}", reply_policy=policy
    )
    post.publish()
    for name, person in people.items():
        if name in who:
            reply_to(post, person)
        else:
            with pytest.raises(RepliesRestricted):
                reply_to(post, person)


def test_a_reply_outlives_the_post_and_keeps_the_person():
    first = PostFactory()
    reply = reply_to(first)
    person = first.author
    Post.objects.get(pk=first.pk).delete()
    reply.refresh_from_db()
    assert (reply.in_reply_to, reply.in_reply_to_author, reply.thread) == (None, person, first.pk)
    person.leave()
    reply.refresh_from_db()
    assert reply.in_reply_to_author is None
    assert reply.is_reply


def test_a_post_is_a_reply_with_a_place_or_none():
    with pytest.raises(IntegrityError), transaction.atomic():
        Post.objects.filter(pk=PostFactory().pk).update(in_reply_to=PostFactory())


def test_mentions_are_rows_in_the_order_of_the_text(mentioned):
    ada, bob, carol = (UserFactory(username=name) for name in ("ada", "bob", "carol"))
    post = Post(author=ada, content="@bob @nobody @ada @CAROL @bob")
    post.publish()
    assert list(post.mentions.order_by("pk").values_list("person", flat=True)) == [bob.pk, ada.pk, carol.pk]
    post.edit("@dora @carol and @ada")
    assert set(post.mentions.values_list("person", flat=True)) == {carol.pk, ada.pk}
    UserFactory(username="dora")
    post.edit("@dora @carol")
    assert mentioned == [["bob", "carol"], [], ["dora"]]
    carol.leave()
    assert Mention.objects.count() == 1


def test_two_people_who_replied_to_each_other_can_leave():
    ada, bob = UserFactory(), UserFactory()
    reply_to(PostFactory(author=bob), ada)
    reply_to(PostFactory(author=ada), bob)
    assert ada.leave()
    assert bob.leave()
    assert not User.objects.filter(pk__in=[ada.pk, bob.pk]).exists()
