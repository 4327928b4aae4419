"""Every field for free text counts characters in the same way, as the browser does, and no text causes a server error."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.common.fields import MaxCharacters
from accounts.common.text import CODE_POINTS, clean_line, clean_text, count_characters
from accounts.emails.models import Delivery, SuppressedAddress
from accounts.models import User
from accounts.moderation.models import ModerationAction, Report
from accounts.tests.factories import PASSWORD, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory

FAMILY = "👨‍👩‍👧‍👦"
SETTINGS = "/users/settings/profile/"


class Place:
    """A field for free text. `send` submits a text, and `stored` returns the stored one. `page` is the path of the form."""

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
def test_the_limit_is_counted_in_characters_as_people_see_them(place, character):
    text = character * place.characters
    assert place.send(text).status_code == 302
    assert place.stored() == place.clean(text)

    response = place.send(text + character)
    assert response.status_code == 200
    assert "Remove 1." in response.content.decode()
    assert place.stored() == place.clean(text)


def test_the_cleaned_text_is_counted(place):
    half = place.characters // 2
    text = "\r\n\r\n" + "ab" * half + "\u202e" * 9 + " \n\n\n" + " " * 20
    assert place.send(text).status_code == 302
    assert place.stored() == "ab" * half


def test_a_line_break_is_one_character(place):
    if place.clean is clean_line:
        pytest.skip("This field has only one line.")
    lines = "\r\n".join("é" * 9 for _ in range(10)) + "\r\n" + "z" * (place.characters - 100)
    assert place.send(lines).status_code == 302
    assert place.stored() == lines.replace("\r\n", "\n")
    assert count_characters(place.stored()) == place.characters
    assert "Remove 1." in place.send(lines + "z").content.decode()


@pytest.mark.parametrize(
    "text",
    ["x" * 200_000, "a" + "\u0301" * 100_000, ("👍\u200d" * 3 + "👍") * 9_000, "👍" + "\u200d👍" * 6_000],
)
def test_a_text_that_is_far_too_long_is_rejected_with_a_message_and_kept_in_the_form(place, text):
    before = place.stored()
    response = place.send(text)

    assert response.status_code == 200
    assert "This text is too long" in response.content.decode()
    assert place.stored() == before
    assert text[:1000] in response.content.decode()


def test_nul_and_lone_surrogates_are_removed(place):
    assert (
        place.send("a\x00b\ud800c".encode("utf-8", "surrogatepass").decode("utf-8", "replace")).status_code
        == 302
    )
    assert place.stored().startswith("ab")


def test_the_browser_gets_no_maxlength(place):
    page = place.client.get(place.page).content.decode()

    assert not re.findall(r'<(?:textarea|input type="(?:text|search)")[^>]* maxlength=', page)


def test_the_browser_gets_the_limit_for_its_counter(client, db):
    limits = {
        name: int(limit)
        for place in (DisplayName, PostText, ReportNote)
        for name, limit in re.findall(
            r'name="(\w+)"[^>]* data-max-characters="(\d+)"', opened(place).content.decode()
        )
    }
    assert limits == {"display_name": 50, "bio": 300, "content": 500, "note": 500}


def opened(place):
    User.objects.filter(username="ada").delete()
    place = place()
    return place.client.get(place.page)


ANYTHING = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n \u3164\u200d👨🇩क्षि\u0301"), max_size=700
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(text=ANYTHING)
def test_no_text_causes_a_server_error(place, text):
    assert place.send(text).status_code in (200, 302)


def test_models_follow_the_same_rules(db):
    ada = UserFactory(username="ada", display_name="  Ada\n" + FAMILY * 46, bio="\r\n  a\r\nb ")
    ada.full_clean()
    assert (ada.display_name, ada.bio) == ("Ada " + FAMILY * 46, "  a\nb")
    ada.save()

    for name, text in (("display_name", "x" * 51), ("bio", "x" * 301), ("bio", "x" * 9000)):
        with pytest.raises(ValidationError) as raised:
            User(username="bob", password="!", **{name: text}).full_clean()
        assert len(raised.value.message_dict[name]) == 1


def test_columns_have_room_for_the_longest_text():
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
        ModerationAction._meta.get_field("subject_text").max_length
        >= Post._meta.get_field("content").max_length
    )


def test_every_reply_of_a_mail_server_fits_its_column(member):
    delivery = Delivery.objects.create(recipient=member, type="new_follower", key="1")
    answer = "550 " + FAMILY * 60
    delivery.record_reply(answer)
    delivery.refresh_from_db()

    assert delivery.answer == "550 " + FAMILY * 42
    assert SuppressedAddress._meta.get_field("answer").max_length == 300


def test_a_long_search_is_cut_between_two_characters(member_client):
    query = member_client.get("/users/", {"q": "🇩🇪" * 60 + FAMILY}).context["q"]

    assert query == "🇩🇪" * 50
