"""No email names somebody who, when it is sent, is gone or suspended, or is parted from its recipient by a block.

What makes an email is stored earlier: the news, the job, and in releases before locks even a follow across a block.
"""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Block, Follow, User
from accounts.notifications import types
from accounts.notifications.models import Notification
from accounts.tests.factories import UserFactory
from posts.ids import first_id_at
from posts.models import Like, Mention
from posts.tests.factories import PostFactory

SPAN = {
    "since": (timezone.now() - timedelta(days=1)).isoformat(),
    "until": (timezone.now() + timedelta(days=1)).isoformat(),
}


def prepare_new_follower(member, bob):
    follow = Follow.objects.create(follower=bob, followed=member)
    Notification.objects.create(
        recipient=member, actor=bob, type="new_follower", subject=follow.pk, emailed_in="this one"
    )
    return {"emailed_in": "this one"}


def prepare_summary(member, bob):
    Follow.objects.create(follower=bob, followed=member)
    Notification.objects.create(recipient=member, actor=bob, type="new_follower")
    return SPAN


def prepare_home(member, bob):
    Follow.objects.create(follower=member, followed=bob)
    PostFactory(author=bob, id=first_id_at(timezone.now()))
    return SPAN


def prepare_post(member, bob, type_name, in_reply_to=None):
    post = PostFactory(author=bob, in_reply_to=in_reply_to)
    Mention.objects.create(post=post, person=member)
    Notification.objects.create(
        recipient=member, actor=bob, type=type_name, subject=post.pk, emailed_in="this one"
    )
    return {"emailed_in": "this one"}


def prepare_mention(member, bob):
    return prepare_post(member, bob, "mention")


def prepare_reply(member, bob):
    return prepare_post(member, bob, "reply", PostFactory(author=member))


def prepare_like(member, bob):
    post = PostFactory(author=member)
    Like.objects.create(post=post, member=bob)
    Notification.objects.create(
        recipient=member, actor=bob, type="like", subject=post.pk, emailed_in="this one"
    )
    return {"emailed_in": "this one"}


# Each kind of email that names other people: what there is to tell, and the arguments of its job.
NAMES_OTHERS = {
    "new_follower": prepare_new_follower,
    "follower_statement": prepare_summary,
    "home_by_mail": prepare_home,
    "mention": prepare_mention,
    "reply": prepare_reply,
    "like": prepare_like,
}
# These name the person of a report, whom its author or a moderator knows anyway.
NAMES_THE_REPORTED = {"report_outcome", "new_report"}
# Only moderators see those who apply.
NAMES_APPLICANTS = {"new_application"}
NAMES_NOBODY = {
    "announcement",
    "application_approved",
    "application_refused",
    "moderation_outcome",
    "follower_milestone",
    "password_changed",
    "email_changed",
    "second_factor_changed",
    "new_device",
}


def block(member, bob):
    Block.objects.create(blocker=member, blocked=bob)


def be_blocked(member, bob):
    Block.objects.create(blocker=bob, blocked=member)


def mute(member, bob):
    member.mute(bob)


def suspend(member, bob):
    User.objects.filter(pk=bob.pk).update(suspended_on=timezone.now(), is_active=False)


def leave(member, bob):
    bob.leave()


@pytest.fixture
def bob(db):
    return UserFactory(username="bob", display_name="Bob the Builder")


def test_every_kind_of_email_is_known_here():
    assert {email_type.name for email_type in types.all_types()} == {
        *NAMES_OTHERS
    } | NAMES_THE_REPORTED | NAMES_APPLICANTS | NAMES_NOBODY


@pytest.mark.parametrize("parted", [None, block, be_blocked, mute, suspend, leave])
@pytest.mark.parametrize("name", NAMES_OTHERS)
def test_an_email_names_only_whom_its_recipient_sees_when_it_is_sent(member, bob, name, parted):
    """The rows are written past `User.block()` and so on, which would end the follows."""
    arguments = NAMES_OTHERS[name](member, bob)
    if parted:
        parted(member, bob)

    content = types.get(name).content(member, **arguments)

    assert (content is None) == bool(parted)
    assert ("bob" in repr(content)) == (not parted)


@pytest.mark.parametrize("parted", [None, block, be_blocked, mute, suspend, leave])
def test_an_email_quotes_only_whom_its_recipient_sees(member, bob, parted):
    replied_to = PostFactory(author=bob)
    arguments = prepare_post(member, UserFactory(username="carol"), "mention", replied_to)
    if parted:
        parted(member, bob)

    content = types.get("mention").content(member, **arguments)

    assert ("bob" in repr(content)) == (not parted)
