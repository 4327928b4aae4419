"""Muting someone, for a time or until it is undone, without telling them."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import tasks
from accounts.models import Mute, User
from accounts.querysets import without_muted
from accounts.tests.factories import FollowFactory, UserFactory


@pytest.fixture
def bob(db):
    return UserFactory(username="bob", display_name="Bob")


def names(response):
    return [person.username for person in response.context["page"]]


def test_a_mute_can_be_repeated_and_undone(member, bob):
    FollowFactory(follower=member, followed=bob)
    tomorrow = timezone.now() + timedelta(days=1)
    assert member.mute(bob, until=tomorrow) is True
    assert member.mute(bob, until=tomorrow) is False
    assert member.mute(bob) is True
    assert Mute.objects.get().until is None
    assert member.is_following(bob)
    assert member.unmute(bob) is True
    assert member.unmute(bob) is False


def test_people_cannot_mute_themselves(member):
    assert member.mute(member) is False
    with pytest.raises(IntegrityError), transaction.atomic():
        Mute.objects.create(muter=member, muted=member)


def test_those_who_left_are_not_muted(member, bob):
    gone = User.objects.get(pk=bob.pk)
    bob.leave()
    assert member.mute(gone) is False


def test_only_the_muter_does_not_see_the_muted(member, bob):
    member.mute(bob)
    assert bob not in without_muted(User.objects.all(), "pk", member)
    assert member in without_muted(User.objects.all(), "pk", bob)


def test_a_task_ends_mutes(member, bob, monkeypatch):
    monkeypatch.setattr(tasks, "ENDED", 1)
    now = timezone.now()
    carol, dora = UserFactory(), UserFactory()
    member.mute(bob, until=now - timedelta(hours=1))
    member.mute(carol, until=now + timedelta(hours=1))
    member.mute(dora)
    tasks.end_mutes.call()
    assert set(Mute.objects.values_list("muted", flat=True)) == {carol.pk, dora.pk}


@pytest.mark.parametrize(("choice", "days"), [("day", 1), ("week", 7), ("always", None)])
def test_the_form_mutes_for_as_long_as_chosen(member_client, bob, choice, days):
    assert "Until I unmute them" in member_client.get("/@bob/mute/").content.decode()
    response = member_client.post("/@bob/mute/", {"duration": choice}, follow=True)
    assert response.redirect_chain == [("/@bob/", 302)]
    until = Mute.objects.get().until
    assert (until and (until - timezone.now()).total_seconds() / 86400) == pytest.approx(days, abs=0.01)
    text = response.content.decode()
    assert "ve muted @bob." in text
    assert ("Muted until" in text) == bool(days)


@pytest.mark.parametrize("data", [{}, {"duration": "century"}])
def test_the_form_asks_for_a_length(member_client, bob, data):
    response = member_client.post("/@bob/mute/", data)
    assert "Choose how long." in response.content.decode()
    assert not Mute.objects.exists()


def test_the_list_has_a_button_to_unmute(member, member_client, bob):
    assert "muted anyone" in member_client.get("/users/mutes/").content.decode()
    member.mute(bob)
    assert names(member_client.get("/users/mutes/")) == ["bob"]
    response = member_client.post("/@bob/unmute/", {"next": "/users/mutes/"}, follow=True)
    assert "ve unmuted @bob." in response.content.decode()
    assert names(response) == []


def test_a_mute_that_ended_while_the_page_was_open_can_be_undone(member, member_client, bob):
    response = member_client.post("/@bob/unmute/", follow=True)
    assert response.status_code == 200
    assert "ve unmuted" not in response.content.decode()


def test_the_muted_person_learns_nothing(member, bob, client):
    client.force_login(bob)
    before = client.get(f"/@{member.username}/").context["person"]
    member.mute(bob)
    after = client.get(f"/@{member.username}/").context["person"]
    assert (after.is_muted, after.blocks_viewer) == (before.is_muted, before.blocks_viewer) == (False, False)


def test_mutes_and_unmutes_count_together(member_client, bob, settings):
    settings.BLOCK_LIMIT = (2, 600)
    assert member_client.post("/@bob/mute/", {"duration": "day"}).status_code == 302
    assert member_client.post("/@bob/unmute/").status_code == 302
    assert member_client.post("/@bob/mute/", {"duration": "day"}).status_code == 429
    assert not Mute.objects.exists()
