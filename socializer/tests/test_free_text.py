"""Everything that people type freely: one unit for its length, the same in the browser, and no text is an error page."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Delivery, ModerationAction, RefusedAddress, User
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.text import CODE_POINTS, clean_line, clean_text, count_characters
from accounts.validators import MaxCharacters
from posts.models import Post, Report
from posts.tests.factories import PostFactory

FAMILY = "👨‍👩‍👧‍👦"
SETTINGS = "/users/settings/"


class Place:
    """Where a text is typed: `send` it, see what was `stored`, and the page that refused it."""

    characters, clean = 500, staticmethod(clean_text)

    def __init__(self):
        self.author = UserFactory(username="ada", is_superuser=True, is_staff=True)
        self.client = Client()
        self.client.force_login(self.author)
        self.begin()

    def begin(self):
        pass


class DisplayName(Place):
    characters, clean = 50, staticmethod(clean_line)
    page = SETTINGS

    def send(self, text):
        return self.client.post(SETTINGS, {"display_name": text, "bio": ""})

    def stored(self):
        return User.objects.get(pk=self.author.pk).display_name


class Bio(Place):
    characters = 300
    page = SETTINGS

    def send(self, text):
        return self.client.post(SETTINGS, {"display_name": "", "bio": text})

    def stored(self):
        return User.objects.get(pk=self.author.pk).bio


class BioByAdministrator(Bio):
    @property
    def page(self):
        return f"/admin/accounts/user/{self.author.pk}/change/"

    def send(self, text):
        return self.client.post(
            self.page, {"display_name": "", "bio": text, "is_superuser": "1", "is_staff": "1"}
        )


class PostText(Place):
    page = "/posts/add/"

    def send(self, text):
        return self.client.post(self.page, {"content": text})

    def stored(self):
        return Post.objects.order_by("-pk").values_list("content", flat=True).first()


class ReportNote(Place):
    @property
    def page(self):
        return f"/posts/{PostFactory().pk}/report/"

    def send(self, text):
        return self.client.post(self.page, {"reason": "spam", "note": text})

    def stored(self):
        return Report.objects.order_by("-pk").values_list("note", flat=True).first()


class ModerationReason(Place):
    page = reverse("admin:posts_post_changelist")

    def send(self, text):
        data = {"action": "hide", "_selected_action": [PostFactory().pk]}
        return self.client.post(self.page, data | {"reason": text})

    def stored(self):
        return ModerationAction.objects.order_by("-pk").values_list("reason", flat=True).first()


class PasskeyName(Place):
    characters, clean = 50, staticmethod(clean_line)

    def begin(self):
        self.client.post("/users/reauthenticate/", {"password": PASSWORD})
        self.passkey = Authenticator.objects.create(
            user=self.author, type="webauthn", data={"name": "x", "credential": {}}
        )
        self.page = f"/users/2fa/webauthn/keys/{self.passkey.pk}/edit/"

    def send(self, text):
        return self.client.post(self.page, {"name": text})

    def stored(self):
        self.passkey.refresh_from_db()
        return self.passkey.data["name"]


PLACES = [DisplayName, Bio, BioByAdministrator, PostText, ReportNote, ModerationReason, PasskeyName]


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__)
def place(request, db):
    return request.param()


@pytest.mark.parametrize("character", ["x", "👍", FAMILY, "🇩🇪", "e\u0301", "क्षि", "z" + "\u0336" * 8])
def test_the_limit_is_in_characters_as_people_count_them(place, character):
    text = character * place.characters
    assert place.send(text).status_code == 302
    assert place.stored() == place.clean(text)

    refused = place.send(text + character)
    assert refused.status_code == 200
    assert "Take out 1." in refused.content.decode()
    assert place.stored() == place.clean(text)


def test_it_is_measured_when_it_is_clean(place):
    half = place.characters // 2
    text = "\r\n\r\n" + "ab" * half + "\u202e" * 9 + " \n\n\n" + " " * 20
    assert place.send(text).status_code == 302
    assert place.stored() == "ab" * half


def test_a_line_break_is_one_character(place):
    if place.clean is clean_line:
        pytest.skip("It has but one line.")
    lines = "\r\n".join("é" * 9 for _ in range(10)) + "\r\n" + "z" * (place.characters - 100)
    assert place.send(lines).status_code == 302
    assert place.stored() == lines.replace("\r\n", "\n")
    assert count_characters(place.stored()) == place.characters
    assert "Take out 1." in place.send(lines + "z").content.decode()


@pytest.mark.parametrize(
    "text",
    ["x" * 200_000, "a" + "\u0301" * 100_000, ("👍\u200d" * 3 + "👍") * 9_000, "👍" + "\u200d👍" * 6_000],
)
def test_what_is_hopelessly_long_is_refused_with_a_sentence_and_kept(place, text):
    before = place.stored()
    refused = place.send(text)

    assert refused.status_code == 200
    assert "This text is too long" in refused.content.decode()
    assert place.stored() == before
    assert text[:1000] in refused.content.decode()


def test_nuls_and_halves_of_characters_are_no_errors(place):
    assert (
        place.send("a\x00b\ud800c".encode("utf-8", "surrogatepass").decode("utf-8", "replace")).status_code
        == 302
    )
    assert place.stored().startswith("ab")


def test_the_browser_is_given_no_other_limit(place):
    page = place.client.get(place.page).content.decode()

    assert not re.findall(r'<(?:textarea|input type="(?:text|search)")[^>]* maxlength=', page)


def test_the_browser_is_told_the_limit_where_it_counts(client, db):
    told = {
        name: int(most)
        for place in (DisplayName, PostText, ReportNote)
        for name, most in re.findall(
            r'name="(\w+)"[^>]* data-max-characters="(\d+)"', opened(place).content.decode()
        )
    }
    assert told == {"display_name": 50, "bio": 300, "content": 500, "note": 500}


def opened(place):
    User.objects.filter(username="ada").delete()
    place = place()
    return place.client.get(place.page)


ANYTHING = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n \u3164\u200d👨🇩क्षि\u0301"), max_size=700
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(text=ANYTHING)
def test_no_text_is_an_error_page(place, text):
    assert place.send(text).status_code in (200, 302)


def test_a_model_holds_to_the_same_rules(db):
    ada = UserFactory(username="ada", display_name="  Ada\n" + FAMILY * 46, bio="\r\n  a\r\nb ")
    ada.full_clean()
    assert (ada.display_name, ada.bio) == ("Ada " + FAMILY * 46, "  a\nb")
    ada.save()

    for name, text in (("display_name", "x" * 51), ("bio", "x" * 301), ("bio", "x" * 9000)):
        with pytest.raises(ValidationError) as refused:
            User(username="bob", password="!", **{name: text}).full_clean()
        assert len(refused.value.message_dict[name]) == 1


def test_columns_have_room_for_what_may_be_typed():
    columns = {
        User: ("display_name", "bio"),
        Post: ("content",),
        Report: ("note",),
        ModerationAction: ("reason",),
    }
    for model, names in columns.items():
        for name in names:
            field = model._meta.get_field(name)
            limits = [v.limit for v in field.validators if isinstance(v, MaxCharacters)] or [500]
            assert field.max_length == limits[0] * CODE_POINTS
    assert (
        ModerationAction._meta.get_field("target_text").max_length
        >= Post._meta.get_field("content").max_length
    )


def test_what_mail_servers_say_fits_whatever_it_is(member):
    delivery = Delivery.objects.create(recipient=member, kind="new_follower", key="1")
    answer = "550 " + FAMILY * 60
    delivery.note(answer)
    delivery.refresh_from_db()

    assert delivery.answer == "550 " + FAMILY * 42
    assert RefusedAddress._meta.get_field("answer").max_length == 300


def test_a_search_for_very_much_is_cut_between_two_characters(member_client):
    shown = member_client.get("/users/", {"q": "🇩🇪" * 60 + FAMILY}).context["q"]

    assert shown == "🇩🇪" * 50
