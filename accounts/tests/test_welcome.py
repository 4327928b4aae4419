"""The two steps for new members: their name and picture, and people to follow."""

from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts import pictures, suggestions
from accounts.models import Block, User
from accounts.suggestions import SUGGESTED, suggest_people
from accounts.tests.factories import FollowFactory, UserFactory
from accounts.tests.pictures import picture_bytes

WELCOME, PEOPLE = "/users/welcome/", "/users/welcome/people/"


def upload(content=None, name="me.png"):
    return SimpleUploadedFile(name, picture_bytes(format="PNG") if content is None else content)


@pytest.fixture
def active(monkeypatch):
    """Return a list that is the only source of active people."""
    keys = []
    monkeypatch.setattr(suggestions, "_sources", [lambda limit: keys[:limit]])
    return keys


def names(member):
    return [person.username for person in suggest_people(member)]


# The first step


def test_a_new_member_chooses_a_name_and_a_picture(member, member_client, empty_storage):
    page = member_client.get(WELCOME).content.decode()
    assert "Welcome, @ada" in page
    response = member_client.post(WELCOME, {"display_name": "Countess", "picture": upload()})

    assert response.url == PEOPLE
    member.refresh_from_db()
    assert member.display_name == "Countess"
    assert pictures.stored_keys() == {member.picture}


def test_both_can_be_skipped(member, member_client):
    page = member_client.get(WELCOME).content.decode()
    assert "Save and continue" in page
    assert '<a href="/">Continue to your home</a>' in page
    with mock.patch("accounts.signals.profile_changed.send") as send:
        assert member_client.post(WELCOME, {"display_name": "Ada Lovelace"}).url == PEOPLE
    assert not send.called


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<svg/>", "Use JPEG, PNG, GIF or WebP."),
        (b"", "That file is empty."),
        (picture_bytes(format="PNG")[:300], "damaged"),
    ],
)
def test_a_refused_picture_keeps_the_typed_name_says_why_and_stores_nothing(
    member, member_client, empty_storage, content, why
):
    response = member_client.post(WELCOME, {"display_name": "Countess", "picture": upload(content)})

    page = response.content.decode()
    assert response.status_code == 200
    assert why in page
    assert 'value="Countess"' in page
    assert 'aria-invalid="true"' in str(response.context["form"]["picture"])
    member.refresh_from_db()
    assert (member.display_name, member.picture) == ("Ada Lovelace", "")
    assert pictures.stored_keys() == set()


def test_a_picture_that_cannot_be_stored_keeps_the_typed_name(member, member_client, empty_storage):
    with mock.patch("accounts.pictures.default_storage.save", side_effect=OSError):
        response = member_client.post(WELCOME, {"display_name": "Countess", "picture": upload()})

    assert response.status_code == 503
    assert 'value="Countess"' in response.content.decode()
    assert "We couldn&#x27;t save your picture." in response.content.decode()
    member.refresh_from_db()
    assert (member.display_name, member.picture) == ("Ada Lovelace", "")


@pytest.mark.parametrize(
    "limit", [{"PROFILE_LIMIT": (0, 60)}, {"ACCOUNT_RATE_LIMITS": {"picture": "0/h/user"}}]
)
def test_over_a_limit_nothing_is_stored_and_the_page_says_when_to_try_again(
    member, member_client, settings, empty_storage, limit
):
    for name, value in limit.items():
        setattr(settings, name, value)
    response = member_client.post(WELCOME, {"display_name": "Countess", "picture": upload()})

    assert response.status_code == 429
    assert "Try again in" in response.content.decode()
    member.refresh_from_db()
    assert (member.display_name, member.picture) == ("Ada Lovelace", "")
    assert pictures.stored_keys() == set()


def test_a_request_without_the_name_changes_nothing(member, member_client, empty_storage):
    assert (
        "Part of the form is missing" in member_client.post(WELCOME, {"picture": upload()}).content.decode()
    )
    member.refresh_from_db()
    assert (member.display_name, member.picture) == ("Ada Lovelace", "")


# The second step


def test_chosen_people_come_first_then_active_ones_then_the_most_followed(member, settings, active):
    for name in ("grace", "bob", "cleo", "dora", "emmy"):
        UserFactory(username=name)
    FollowFactory(followed=User.objects.get(username="emmy"), follower=UserFactory(username="fan"))
    settings.SUGGESTED_PEOPLE = ["dora", "nobody", "bob"]
    active += [User.objects.get(username=name).pk for name in ("cleo", "bob")]

    assert names(member) == ["dora", "bob", "cleo", "emmy", "grace", "fan"]


def test_active_people_in_the_members_language_come_first(member, settings, active, member_client):
    languages = {"li": "zh-hans", "bob": "en", "wang": "zh-hans", "cleo": ""}
    active += [UserFactory(username=name, language=language).pk for name, language in languages.items()]
    settings.SUGGESTED_PEOPLE = ["li"]

    def shown():
        return [person.username for person in member_client.get(PEOPLE).context["people"]]

    assert shown() == ["li", "bob", "cleo", "wang"]
    User.objects.filter(pk=member.pk).update(language="zh-hans")
    assert shown() == ["li", "wang", "bob", "cleo"]


def test_some_people_are_left_out(member, settings, active):
    people = {
        name: UserFactory(username=name)
        for name in ("followed", "blocked", "blocker", "muted", "gone", "good")
    }
    member.follow(people["followed"])
    member.block(people["blocked"])
    member.mute(people["muted"])
    people["blocker"].block(member)
    people["gone"].suspend()
    settings.SUGGESTED_PEOPLE = [*people, "ada"]
    active += [*User.objects.values_list("pk", flat=True), 0]

    assert names(member) == ["good"]
    assert Block.objects.count() == 2


def test_the_list_is_short_and_its_sources_are_bounded(member, active, django_assert_num_queries):
    active += [person.pk for person in UserFactory.create_batch(SUGGESTED + 5)]
    with django_assert_num_queries(2):  # The invitation, and people.
        assert len(suggest_people(member)) == SUGGESTED
    asked = []
    with mock.patch.object(suggestions, "_sources", [lambda limit: asked.append(limit) or []]):
        with django_assert_num_queries(3):  # A source without people needs none.
            assert len(suggest_people(member)) == SUGGESTED
    assert asked == [suggestions.CONSIDERED]


def test_a_source_is_registered_once(monkeypatch):
    monkeypatch.setattr(suggestions, "_sources", [])
    for _ in range(2):
        assert suggestions.register(len) is len
    assert suggestions._sources == [len]


def test_continue_becomes_prominent_after_the_first_follow(member, member_client):
    bob = UserFactory(username="bob")
    page = member_client.get(PEOPLE).content.decode()
    assert '<a class="quiet-button to-home" href="/">Continue to your home</a>' in page
    assert f'<input type="hidden" name="next" value="{PEOPLE}">' in page
    assert member_client.post("/@bob/follow/", {"next": PEOPLE}).url == PEOPLE

    page = member_client.get(PEOPLE).content.decode()
    assert '<a class="button to-home" href="/">Continue to your home</a>' in page
    assert member.is_following(bob)


def test_alone_on_the_site(member_client):
    page = member_client.get(PEOPLE).content.decode()
    assert (
        "There&#x27;s nobody to suggest right now." in page or "There's nobody to suggest right now." in page
    )
    assert "Continue to your home" in page
    assert reverse("accounts:index") in page
