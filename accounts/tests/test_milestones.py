"""10, 100, 1,000 and so on followers."""

import re
from datetime import timedelta

import pytest

from accounts.emails.rendering import build_email
from accounts.models import User
from accounts.notifications import types
from accounts.signals import follower_milestone_reached
from accounts.tests.email_helpers import choose
from accounts.tests.factories import FollowFactory, UserFactory


@pytest.fixture
def reach(member, run_jobs):
    """Return a function that gives the member followers up to a number, the last one with an event."""

    def reach(count):
        more = count - member.followers.count()
        FollowFactory.create_batch(more - 1, followed=member)
        UserFactory().follow(member)
        run_jobs()

    return reach


@pytest.fixture
def reached():
    """Return a list to which each milestone is added when its event is sent."""
    thresholds = []

    def receive(sender, user, threshold, **kwargs):
        thresholds.append(threshold)

    follower_milestone_reached.connect(receive)
    yield thresholds
    follower_milestone_reached.disconnect(receive)


def subjects(mailoutbox):
    """Return the subjects of the emails about milestones."""
    return [message.subject for message in mailoutbox if message.subject[0].isdigit()]


def test_each_milestone_is_reached_once(member, reach, reached, mailoutbox, clock, run_jobs):
    reach(9)
    assert reached == []
    clock.shift(timedelta(hours=2))
    reach(10)
    assert subjects(mailoutbox) == ["10 people follow you"]

    for _time in range(2):
        person = member.followers.first()
        person.unfollow(member)
        clock.shift(timedelta(hours=25))
        person.follow(member)
        run_jobs()
    assert subjects(mailoutbox) == ["10 people follow you"]
    assert reached == [10]
    assert User.objects.get(pk=member.pk).milestone == 10


def test_the_next_email_waits_an_hour(member, reach, mailoutbox, clock, run_jobs):
    reach(12)
    clock.shift(timedelta(minutes=5))
    reach(101)
    assert subjects(mailoutbox) == ["10 people follow you"]

    clock.shift(timedelta(hours=1))
    run_jobs()
    assert subjects(mailoutbox) == ["10 people follow you", "100 people follow you"]


def test_of_several_milestones_only_the_highest_is_sent(member, reach, reached, mailoutbox, clock):
    reach(100)
    assert reached == [100]
    clock.shift(timedelta(days=2))
    reach(101)
    assert subjects(mailoutbox) == ["100 people follow you"]


def test_an_email_that_waited_is_about_the_highest_milestone(member, reach, mailoutbox, clock, run_jobs):
    for count in (10, 100, 1000):
        clock.shift(timedelta(minutes=5))
        reach(count)
    clock.shift(timedelta(hours=1))
    run_jobs()
    assert subjects(mailoutbox) == ["10 people follow you", "1,000 people follow you"]


def test_a_milestone_is_reached_even_if_no_email_is_wanted(member, reach, reached, mailoutbox, run_jobs):
    choose(member, "never", "follower_milestone")
    reach(10)
    choose(member, "at_once", "follower_milestone")
    run_jobs()
    assert subjects(mailoutbox) == []
    assert reached == [10]


def test_only_visible_followers_count(member, reached):
    FollowFactory.create_batch(9, followed=member)
    FollowFactory(followed=member).follower.suspend()
    UserFactory().follow(member)
    assert reached == [10]


def test_the_stored_count_decides_nothing(member, reached):
    FollowFactory.create_batch(8, followed=member)
    User.objects.filter(pk=member.pk).update(follower_count=5_000)
    UserFactory().follow(member)
    assert reached == []

    User.objects.filter(pk=member.pk).update(follower_count=0)
    UserFactory().follow(member)
    assert reached == [10]


def test_many_followers_are_not_counted_at_each_follow(member, django_assert_num_queries):
    User.objects.filter(pk=member.pk).update(milestone=10_000, follower_count=24_682)
    with django_assert_num_queries(1):
        member.update_milestone()


def test_saving_an_object_from_before_does_not_undo_a_milestone(member, reach):
    before = User.objects.get(pk=member.pk)
    reach(10)
    before.save()
    assert User.objects.get(pk=member.pk).milestone == 10


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["follower_milestone", "follower_statement"])
def test_emails_about_followers_lead_to_the_list_and_have_a_font(name):
    email_type, recipient = types.get(name), UserFactory(username="grace")
    message = build_email(email_type, recipient, email_type.sample(recipient))
    html = message.alternatives[0][0]

    assert "/@grace/followers/" in message.body
    assert "See your followers" in message.body
    assert re.search('<a [^>]*href="[^"]*/@grace/followers/"[^>]*>See your followers</a>', html)
    for tag in ("body", "main", "h1", "p"):
        assert all("sans-serif" in each for each in re.findall(f"<{tag} [^>]*style=[^>]*>", html)), tag
        assert re.search(f"<{tag} [^>]*style=", html)
