"""Members are notified of replies, mentions and likes: on the page, in the navigation and by email."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts.models import User
from accounts.notifications import digests, page, types
from accounts.notifications.models import MAX_GROUP_SIZE, Notification
from accounts.tests.email_helpers import choose
from accounts.tests.factories import UserFactory
from posts import signals
from posts.conversations.models import ConversationMute
from posts.models import Like, Mention, Post
from posts.models.mention import NOTIFIED_PER_POST
from posts.tests.factories import PostFactory
from posts.tests.reading import queries_of, text_of

pytestmark = pytest.mark.django_db


def publish(author, content, in_reply_to=None):
    post = Post(author=author, content=content, in_reply_to=in_reply_to)
    post.publish()
    return post


def like(post, member):
    like = Like.objects.create(post=post, member=member)
    signals.post_liked.send(sender=Post, like=like)
    return like


def unlike(post, member):
    Like.objects.filter(post=post, member=member).delete()
    signals.post_unliked.send(sender=Post, post=post, member=member)


def notified_of(member):
    """Return the names of the types of the member's notifications, oldest first."""
    return list(Notification.objects.filter(recipient=member).order_by("pk").values_list("type", flat=True))


def count_of(member):
    return page.new_group_text(User.objects.get(pk=member.pk))


def shown(client, query=""):
    """Return the text of the list of notifications."""
    return (
        text_of(client.get(f"/notifications/{query}"))
        .partition("<h1>Notifications")[2]
        .partition("Choose your")[0]
    )


@pytest.fixture
def bob(db):
    return UserFactory(username="bob", display_name="Bob")


@pytest.fixture
def post(member):
    return PostFactory(author=member, content="The first words of a post")


# What is notified


def test_a_reply_a_mention_and_a_like_are_notified(member, bob, post, member_client):
    publish(bob, "I agree", post)
    publish(bob, "Hello @ada")
    like(post, bob)

    assert notified_of(member) == ["reply", "mention", "like"]
    html = shown(member_client)
    for words in (
        "replied to you.",
        "I agree",
        "mentioned you.",
        "Hello @ada",
        "liked your post.",
        "The first words",
    ):
        assert words in html


def test_a_reply_that_mentions_notifies_once(member, bob, post):
    reply = publish(bob, "I agree, @ada", post)
    reply.edit("I agree, dear @ada")
    assert notified_of(member) == ["reply"]


def test_what_members_do_themselves_is_not_notified(member, post):
    publish(member, "And @ada too", post)
    like(post, member)
    assert notified_of(member) == []


def test_the_first_20_people_are_notified(bob):
    people = UserFactory.create_batch(NOTIFIED_PER_POST + 2)
    names = " ".join(f"@{person.username}" for person in people)
    post = publish(bob, names)
    assert [bool(notified_of(person)) for person in people] == [True] * NOTIFIED_PER_POST + [False] * 2

    others = UserFactory.create_batch(2)
    post.edit(" ".join(f"@{person.username}" for person in others))
    assert not any(map(notified_of, others))


def test_an_edit_notifies_those_whom_no_earlier_text_mentioned(member, bob):
    carol = UserFactory(username="carol")
    post = publish(bob, "Hello @ada")
    post.edit("Hello")
    post.edit("Hello @ada and @carol")
    assert notified_of(member) == ["mention"]
    assert notified_of(carol) == ["mention"]


def test_an_undone_like_is_gone(member, bob, post, member_client):
    like(post, bob)
    unlike(post, bob)
    assert notified_of(member) == []
    like(post, bob)
    Notification.objects.update(emailed_in="an email")
    unlike(post, bob)
    assert notified_of(member) == ["like"]
    assert count_of(member) == ""
    assert "liked" not in shown(member_client)


# What is shown


def hide(member, bob, post, written):
    written.hide()


def delete(member, bob, post, written):
    written.delete()


def edit_away(member, bob, post, written):
    Mention.objects.filter(post=written).delete()


def mute_conversation(member, bob, post, written):
    ConversationMute.objects.mute(member, written)


PLANTED = {
    "muted": lambda member, bob, post, written: member.mute(bob),
    "blocked": lambda member, bob, post, written: member.block(bob),
    "blocking": lambda member, bob, post, written: bob.block(member),
    "suspended": lambda member, bob, post, written: bob.suspend(),
    "left": lambda member, bob, post, written: bob.leave(),
    "hidden": hide,
    "deleted": delete,
    "conversation muted": mute_conversation,
}


def set_up_reply(member, bob, post):
    return publish(bob, "I agree", post)


def set_up_mention(member, bob, post):
    return publish(bob, "Hello @ada")


def set_up_like(member, bob, post):
    like(post, bob)
    return post


@pytest.mark.parametrize("reason", PLANTED)
@pytest.mark.parametrize("set_up", [set_up_reply, set_up_mention, set_up_like])
def test_what_the_member_may_not_see_is_not_shown_counted_or_emailed(
    member, bob, post, member_client, run_jobs, reason, set_up
):
    choose(member, "at_once", "like")
    written = set_up(member, bob, post)
    assert count_of(member) == "1"

    PLANTED[reason](member, bob, post, written)

    assert count_of(member) == ""
    assert "You don't have any notifications yet." in shown(member_client)
    run_jobs()
    assert [message for message in mail.outbox if message.to == [member.email]] == []


def test_a_mention_that_was_edited_away_is_not_shown(member, bob):
    post = publish(bob, "Hello @ada")
    post.edit("Hello")
    assert count_of(member) == ""


def test_hidden_rows_above_do_not_hide_their_group(member, bob, post, member_client):
    carol = UserFactory(username="carol")
    like(post, bob)
    like(post, carol)
    member.mute(carol)
    assert count_of(member) == "1"
    html = shown(member_client)
    assert "Bob" in html
    assert "carol" not in html
    # It is no longer new, although a row that the member may not see comes later.
    like(post, UserFactory(username="dora"))
    member.mute(User.objects.get(username="dora"))
    assert count_of(member) == ""


def test_pages_are_full_if_groups_are_excluded(member, bob, member_client):
    carol = UserFactory()
    for number in range(30):
        publish(bob, f"Hello @ada, {number}")
        publish(carol, f"Hi @ada, {number}")
    member.mute(carol)
    first = member_client.get("/notifications/").context["page"]
    second = member_client.get(f"/notifications/?before={first.older}").context["page"]
    assert (len(first), len(second), second.older) == (20, 10, None)
    assert [group.subject.content for group in [*first, *second]] == [
        f"Hello @ada, {n}" for n in range(29, -1, -1)
    ]


def test_the_line_is_above_what_was_seen_and_stays_on_later_pages(member, bob, member_client):
    publish(bob, "Hello @ada, old")
    assert "seen everything" not in shown(member_client)
    for number in range(20):
        publish(bob, f"Hello @ada, {number}")
    first = member_client.get("/notifications/")
    assert "seen everything" not in text_of(first)
    query = f"?before={first.context['page'].older}&seen={first.context['seen']}"
    assert query.replace("&", "&amp;") in first.content.decode()
    assert shown(member_client, query).index("seen everything") < shown(member_client, query).index("old")
    assert "seen everything" not in shown(member_client)
    publish(bob, "Hello @ada, newest")
    html = shown(member_client)
    # Ids in links may contain a 19, too.
    assert html.index("newest") < html.index("seen everything") < html.index("Hello @ada, 19")


def test_groups_count_as_new_until_the_first_page_is_shown(member, bob, post, member_client):
    publish(bob, "Hello @ada")
    like(post, bob)
    like(post, UserFactory())
    assert 'aria-label="Notifications (2 new)"' in member_client.get("/").content.decode()
    member_client.get("/notifications/", headers={"Sec-Purpose": "prefetch"})
    member_client.get("/notifications/?before=1")
    assert count_of(member) == "2"
    assert "data-new" not in member_client.get("/notifications/").content.decode()
    assert count_of(member) == ""
    like(post, UserFactory())
    assert count_of(member) == "1"


def test_the_count_is_capped(member, bob):
    Post.objects.bulk_create(
        Post(id=n, author=bob, content="Hello @ada", created_on=bob.date_joined) for n in range(1, 151)
    )
    Mention.objects.bulk_create(Mention(post_id=n, person=member) for n in range(1, 151))
    for number in range(1, 151):
        digests.notify("mention", member, actor=bob, subject=number)
    assert count_of(member) == "99+"


def test_the_poll_says_how_many_are_new(member, bob, member_client, client):
    assert member_client.get("/news/?after=1")["X-New-Notifications"] == ""
    publish(bob, "Hello @ada")
    response = member_client.get("/news/?after=1")
    assert (response.status_code, response["X-New-Notifications"]) == (204, "1")
    assert "X-New-Notifications" not in client.get("/news/?after=1")


# Many likes


@pytest.fixture
def many_likes(member, post, clock):
    """10,000 likes of one post."""
    people = User.objects.bulk_create(User(username=f"fan{n}", password="!") for n in range(10_000))
    Like.objects.bulk_create(Like(post=post, member=person) for person in people)
    key = digests.group_key("like", post.pk, timezone.now())
    Notification.objects.bulk_create(
        Notification(
            recipient=member, type="like", actor=person, subject=post.pk, group_key=key, emailed_in="x"
        )
        for person in people[:-1]
    )
    digests.notify("like", member, actor=people[-1], subject=post.pk)


def test_a_like_takes_the_same_queries_however_many_there_are(member, post, many_likes):
    choose(member, "at_once", "like")
    other = PostFactory(author=member)
    first, second = (Like.objects.create(post=each, member=UserFactory()) for each in (other, post))
    send = partial(signals.post_liked.send, sender=Post)
    send(like=Like.objects.create(post=other, member=UserFactory()))  # It schedules the email.
    assert queries_of(lambda: send(like=first)) == queries_of(lambda: send(like=second)) <= 5


def test_10_000_likes_are_one_group(member, post, many_likes, member_client):
    assert count_of(member) == "1"
    response = member_client.get("/notifications/")
    (group,) = response.context["page"]
    assert (len(group.people), group.unnamed_count, group.has_more_people) == (MAX_GROUP_SIZE, 99, True)
    assert "and 99+ others liked your post." in text_of(response)


def test_no_page_reads_more_of_a_group_than_its_newest_notifications(member, post, many_likes):
    """The other rows are for emails only: they have no group, and the index of the page hasn't got them."""
    for number in range(2):
        rows = Notification.objects.filter(recipient=member).order_by("-pk")
        grouped = [bool(key) for key in rows.values_list("group_key", flat=True)]
        assert grouped == [True] * MAX_GROUP_SIZE + [False] * (10_000 + number - MAX_GROUP_SIZE)
        like(post, UserFactory())


@pytest.mark.parametrize("find", [page.newest_of_groups, page.shown_to])
def test_the_rows_without_a_group_are_not_in_the_index_of_the_page(member, find):
    catalogue = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE name = %s",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = %s",
    }
    with connection.cursor() as cursor:
        cursor.execute(catalogue[connection.vendor], ["notification_newest"])
        assert "WHERE" in cursor.fetchone()[0]
    if connection.vendor == "sqlite":
        plan = find(member).order_by("-pk")[:21].explain()
        assert "SEARCH accounts_notification USING INDEX notification_newest (recipient_id=?)" in plan
        assert "TEMP B-TREE" not in plan
        # Whether there are later ones in a group is looked up, too.
        assert "W0" not in plan or "SEARCH W0 USING INDEX notification_group" in plan


def test_exactly_as_many_others_as_are_counted_have_no_plus(member, post, member_client):
    for people in (101, 102):
        like_of = UserFactory.create_batch(people - Notification.objects.count())
        for person in like_of:
            like(post, person)
        text = {101: "and 99 others liked", 102: "and 99+ others liked"}[people]
        assert text in text_of(member_client.get("/notifications/"))


def test_likes_of_one_hour_are_at_most_two_emails(member, post, clock, run_jobs):
    choose(member, "at_once", "like")
    for _ in range(60):
        like(post, UserFactory())
        run_jobs()
        clock.shift(timedelta(minutes=1))
    clock.shift(timedelta(minutes=1))
    run_jobs()
    assert [message.subject.partition(" ")[2] for message in mail.outbox] == ["liked your post", "new likes"]


# Emails


def test_an_email_about_a_reply_shows_it_and_what_it_replies_to(member, bob, post, run_jobs):
    publish(bob, "I agree <b>", post)
    run_jobs()
    (message,) = mail.outbox
    assert message.subject == "Bob (@bob) replied to you"
    assert "In reply to Ada Lovelace (@ada):\n> The first words of a post\n\nI agree <b>\n" in message.body
    html = message.alternatives[0][0]
    assert "I agree &lt;b&gt;" in html
    assert "The first words of a post" in html
    assert "List-Unsubscribe" in message.extra_headers


def test_an_email_does_not_show_a_post_that_its_recipient_may_not_see(member, bob, run_jobs):
    secret = PostFactory(content="A secret")
    publish(bob, "Look, @ada", secret)
    secret.author.block(member)
    run_jobs()
    (message,) = [message for message in mail.outbox if message.to == [member.email]]
    assert message.subject == "Bob (@bob) mentioned you"
    assert "secret" not in message.body + message.alternatives[0][0]


def test_an_email_shows_the_texts_as_they_are_when_it_is_sent(member, bob, run_jobs):
    post = publish(member, "Before")
    publish(bob, "I agree", post)
    post.edit("After")
    run_jobs()
    assert "After" in mail.outbox[0].body
    assert "Before" not in mail.outbox[0].body


def test_replies_are_collected_and_likes_are_off_by_default(member, bob, post, run_jobs):
    publish(bob, "One", post)
    run_jobs()
    publish(bob, "Two", post)
    publish(bob, "Three", post)
    like(post, bob)
    run_jobs()
    assert len(mail.outbox) == 1
    assert types.get("like").frequency_for(member) == "never"


# Preferences


def test_a_type_that_is_off_on_the_site_is_neither_shown_nor_counted_but_emailed(
    member, bob, member_client, run_jobs
):
    data = {"with_site": "True", "mention": "at_once", "reply-site": "on", "like-site": "on"}
    assert member_client.post("/users/settings/emails/", data).status_code == 302
    publish(bob, "Hello @ada")
    assert count_of(member) == ""
    assert "mentioned" not in shown(member_client)
    run_jobs()
    assert len(mail.outbox) == 1

    assert member_client.post("/users/settings/emails/", {"mention": "never"}).status_code == 302
    assert "mentioned" not in shown(member_client)
    data["mention-site"] = "on"
    member_client.post("/users/settings/emails/", data)
    assert "mentioned" in shown(member_client)


# Conversations


def test_a_conversation_is_muted_and_unmuted_on_its_pages(member, bob, post, member_client):
    reply = publish(bob, "I agree", post)
    path = f"/posts/{reply.pk}/"
    assert "Stop notifications for this conversation" in text_of(member_client.get(path))
    for _twice in range(2):
        response = member_client.post(f"{path}mute-conversation/", follow=True)
    assert "Turn notifications back on" in text_of(response)
    publish(bob, "@ada?", reply)
    assert count_of(member) == ""
    for _twice in range(2):
        member_client.post(f"/posts/{post.pk}/unmute-conversation/")
    assert not ConversationMute.objects.exists()
    assert count_of(member) == "2"


def test_a_conversation_that_cannot_be_seen_cannot_be_muted(member, bob, member_client):
    post = PostFactory(author=bob)
    bob.block(member)
    assert member_client.post(f"/posts/{post.pk}/mute-conversation/").status_code == 404
    assert not ConversationMute.objects.exists()


def test_two_posts_at_once_by_people_who_mention_each_other(member, bob):
    publish(bob, "@ada")
    publish(member, "@bob")
    assert (notified_of(member), notified_of(bob)) == (["mention"], ["mention"])


@pytest.mark.parametrize("query", ["before=x", "after=-1", "seen=x", "seen=", "seen=99999999999999999999"])
def test_a_nonsense_position_is_not_found(member_client, query):
    assert member_client.get(f"/notifications/?{query}").status_code == 404
