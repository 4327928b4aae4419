from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.models import User
from accounts.notifications import digests, types
from accounts.tests.factories import UserFactory
from posts.models import Post

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def bob(member, clock):
    bob = UserFactory(username="bob", display_name="Bob")
    member.follow(bob)
    digests.choose(member, types.get("home_by_mail"), "daily")
    clock.shift(timedelta(minutes=5))
    return bob


@pytest.fixture
def next_day(clock, run_jobs, mailoutbox):
    """Returns a function that lets a day pass and returns the mails with posts that came."""

    def next_day():
        clock.shift(timedelta(days=1))
        mailoutbox.clear()
        for _run in range(2):
            digests.send_digests.func()
            run_jobs()
        return [mail for mail in mailoutbox if "new post" in mail.subject]

    return next_day


def publish(clock, author, *contents):
    for content in contents:
        clock.shift(timedelta(seconds=1))
        Post(author=author, content=content).publish()


def test_who_has_no_display_name_is_named_once(member, bob, clock, next_day):
    bob.display_name = ""
    bob.save()
    publish(clock, bob, "Hello")

    (mail,) = next_day()
    assert "\n@bob · " in mail.body
    assert mail.alternatives[0][0].count("bob") == mail.alternatives[0][0].count("@bob") == 2


def test_what_others_wrote_since_the_last_one_comes_daily_each_post_once(member, bob, clock, next_day):
    publish(clock, member, "My own")
    publish(clock, UserFactory(), "A stranger's")
    publish(clock, bob, "First <b>", "Second, @ada")

    (mail,) = next_day()
    assert mail.subject == "2 new posts from people you follow"
    assert mail.body.index("Second") < mail.body.index("First <b>")
    html, _type = mail.alternatives[0]
    assert "First &lt;b&gt;" in html
    assert 'href="http://localhost:8000/@ada/"' in html
    for words in ("My own", "A stranger"):
        assert words not in mail.body

    assert next_day() == []
    publish(clock, bob, "Third")
    (mail,) = next_day()
    assert "Third" in mail.body
    assert "First" not in mail.body


def test_the_newest_are_shown_and_the_rest_counted(bob, clock, next_day):
    publish(clock, bob, *(f"Number {n}." for n in range(25)))

    (mail,) = next_day()
    assert "And 5 more" in mail.body
    assert "Number 24." in mail.body
    assert "Number 4." not in mail.body


def test_a_post_that_is_gone_or_not_for_the_recipient_is_left_out(member, bob, clock, next_day):
    cleo, dan = UserFactory(), UserFactory()
    for person in (cleo, dan):
        member.follow(person)
    publish(clock, bob, "deleted", "hidden", "shown")
    Post.objects.get(content="deleted").delete()
    Post.objects.get(content="hidden").hide()
    publish(clock, cleo, "suspended")
    cleo.suspend()
    publish(clock, dan, "blocked")
    dan.block(member)

    (mail,) = next_day()
    assert mail.subject == "1 new post from people you follow"


def test_a_post_on_the_edge_between_two_mails_is_in_one_of_them(bob, clock, next_day):
    clock.move_to(NOON + timedelta(hours=19, seconds=-30))
    publish(clock, bob, "On the edge")
    first, second = next_day(), next_day()

    assert len(first + second) == 1


def test_it_is_off_unless_wanted(member, clock, next_day):
    bob = UserFactory()
    member.follow(bob)
    publish(clock, bob, "Unread")
    assert next_day() == []

    digests.choose(member, types.get("home_by_mail"), "daily")
    publish(clock, bob, "Read")
    assert len(next_day()) == 1


def test_times_are_those_of_the_recipient(member, bob, clock, next_day):
    User.objects.filter(pk=member.pk).update(time_zone="Asia/Tokyo")
    publish(clock, bob, "At night")  # 12:05 in UTC.

    (mail,) = next_day()
    assert "21:05" in mail.body


def test_it_can_be_turned_off_from_within_and_previewed(member, member_client):
    assert "Grace Hopper" in member_client.get("/users/settings/mail/home_by_mail/").content.decode()
    assert "home_by_mail" in member_client.get("/users/settings/emails/").context["form"].fields


def test_the_number_of_queries_does_not_grow_with_posts(
    member, bob, clock, django_assert_num_queries, django_assert_max_num_queries
):
    digest = types.get("home_by_mail")

    def content():
        return digest.content(member, NOON.isoformat(), (NOON + timedelta(days=1)).isoformat())

    publish(clock, bob, "Hello @ada")
    with django_assert_max_num_queries(3) as captured:
        content()
    publish(clock, bob, *["Hello @bob and @ada"] * 15)
    with django_assert_num_queries(len(captured)):
        assert len(content()["posts"]) == 16
