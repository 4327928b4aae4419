import re

import pytest
import time_machine
from django.test import Client

from accounts import signals
from accounts.emails.models import SuppressedAddress
from accounts.emails.unsubscribe import unsubscribe_url
from accounts.notifications import digests, types
from accounts.tests.factories import PASSWORD, UserFactory

OVERVIEW = "/users/settings/"
PROFILE = "/users/settings/profile/"
EMAILS = "/users/settings/emails/"
LOCALE = "/users/settings/locale/"


def wants(member, type_name="new_follower"):
    return types.get(type_name).frequency_for(member)


@pytest.fixture
def changed_profiles():
    seen = []

    def remember(user, **kwargs):
        seen.append(user.name)

    signals.profile_changed.connect(remember)
    yield seen
    signals.profile_changed.disconnect(remember)


def test_the_public_profile_is_changed_and_an_event_is_sent(member, member_client, changed_profiles):
    response = member_client.post(
        PROFILE, {"display_name": " Ada\u202e  King ", "bio": "Numbers.\r\nPoetry.", "new_follower": "never"}
    )

    assert response.url == PROFILE
    member.refresh_from_db()
    assert (member.display_name, member.bio) == ("Ada King", "Numbers.\nPoetry.")
    assert changed_profiles == ["Ada King"]
    assert wants(member) == "at_once"  # That is another page's.


def test_saving_without_a_change_sends_no_event(member, member_client, changed_profiles):
    same = {"display_name": "Ada Lovelace", "bio": "", "noindex": "on"}
    assert member_client.post(PROFILE, same).status_code == 302
    assert changed_profiles == []

    member_client.post(PROFILE, same | {"bio": "Numbers."})
    assert changed_profiles == ["Ada Lovelace"]


def test_emails_are_chosen_one_by_one(member, member_client):
    response = member_client.post(EMAILS, {"new_follower": "never", "follower_statement": "weekly"})
    assert response.url == EMAILS
    assert wants(member) == "never"
    assert wants(member, "follower_statement") == "weekly"
    form = member_client.get(EMAILS).context["form"]
    assert form["new_follower"].value() == "never"

    member_client.post(EMAILS, {"new_follower": "at_once"})
    assert wants(member) == "at_once"
    assert wants(member, "follower_statement") == "weekly"  # The form didn't include this one.

    response = member_client.post(EMAILS, {"follower_statement": "at_once"})
    assert "follower_statement" in response.context["form"].errors


def test_the_overview_shows_present_values(member, member_client):
    page = member_client.get(OVERVIEW).content.decode()
    assert f'<span class="muted">{member.email}</span>' in page
    assert '<span class="muted">Off</span>' in page
    assert '<span class="muted">1</span>' not in page
    member.block(UserFactory(username="bob"))
    assert '<span class="muted">1</span>' in member_client.get(OVERVIEW).content.decode()


def test_times_are_shown_in_the_chosen_zone(member, member_client):
    assert member_client.post(LOCALE, {"time_zone": "Mars/Olympus"}).status_code == 200
    assert member_client.post(LOCALE, {"time_zone": "Asia/Tokyo"}).url == LOCALE
    member.refresh_from_db()
    assert member.time_zone == "Asia/Tokyo"

    member_client.post(LOCALE, {})
    member.refresh_from_db()
    assert member.time_zone == "Asia/Tokyo"
    with time_machine.travel("2026-03-01T20:00:00Z", tick=False):
        member.follow(UserFactory(username="bob"))
    # The list has a time for every device but the current one.
    Client().post("/users/login/", {"login": "ada", "password": PASSWORD})
    session = member_client.get("/users/sessions/").content.decode()
    assert "+09:00" in session


def test_sessions_are_listed_by_browser_and_system(member_client):
    chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36"
    for user_agent in (chrome, ""):
        other = Client(headers={"user-agent": user_agent})
        other.post("/users/login/", {"login": "ada", "password": PASSWORD})
    page = member_client.get("/users/sessions/").content.decode()

    assert f'<strong title="{chrome}">Chrome, Windows</strong>' in page
    assert "<strong>Unknown browser</strong>" in page
    assert page.count("· this device") == 1


def test_the_language_can_be_chosen_if_there_are_several(member, member_client, settings):
    settings.LANGUAGES = [("en", "English")]
    assert "id_language" not in member_client.get(LOCALE).content.decode()
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]
    assert "Deutsch" in member_client.get(LOCALE).content.decode()

    member_client.post(LOCALE, {"language": "de"})
    assert '<html lang="de">' in member_client.get(OVERVIEW).content.decode()


@pytest.mark.parametrize("name", ["new_follower", "follower_statement", "follower_milestone"])
def test_every_email_has_a_preview_that_obeys_the_content_security_policy(member_client, name):
    text = member_client.get(f"/users/settings/mail/{name}/").content.decode()

    assert '<link rel="stylesheet" href="/users/mail.css">' in text
    assert "style=" not in text
    assert "<style" not in text
    assert member_client.get("/users/mail.css").headers["Content-Type"].startswith("text/css")
    assert member_client.get("/users/settings/mail/nonsense/").status_code == 404


def test_a_suppressed_address_is_shown_to_its_owner_and_can_be_tried_again(member, member_client):
    SuppressedAddress.objects.create(address=member.email, answer="550 no such <user>")
    for path in (OVERVIEW, EMAILS):
        text = member_client.get(path).content.decode()
        assert "Our emails don't reach you" in text
        assert "550 no such &lt;user&gt;" in text

    response = member_client.post("/users/settings/address/", follow=True)
    assert "Our emails don't reach you" not in response.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("display_name", "x" * 51, "up to 50"),
        ("display_name", "\u3164", "would be invisible"),
        ("bio", "x" * 301, "up to 300"),
    ],
)
def test_an_error_is_explained_and_the_typed_text_kept(member, member_client, field, value, message):
    response = member_client.post(PROFILE, {"display_name": "Ada", "bio": ""} | {field: value})

    assert message in response.context["form"].errors[field][0]
    assert response.context["form"][field].value() == value
    # The header still shows the stored name.
    assert response.context["user"].display_name == "Ada Lovelace"
    member.refresh_from_db()
    assert member.display_name == "Ada Lovelace"


def test_a_request_without_the_form_changes_nothing(member, member_client):
    assert member_client.put(PROFILE, {}).status_code == 405
    for send in ({"data": {}}, {"data": "{}", "content_type": "application/json"}):
        response = member_client.post(PROFILE, **send)
        assert "Part of the form is missing" in response.content.decode()
    member.refresh_from_db()
    assert member.display_name == "Ada Lovelace"
    assert wants(member) == "at_once"


def test_the_overview_leads_to_every_page_of_the_settings(member_client):
    text = member_client.get(OVERVIEW).content.decode()
    account = ["email/", "password/change/", "2fa/", "sessions/", "feeds/", "blocks/", "export/", "leave/"]

    for path in (PROFILE, EMAILS, LOCALE, *(f"/users/{page}" for page in account)):
        assert f'<li><a href="{path}">' in text, path


@pytest.mark.parametrize(
    "path",
    [
        *(
            PROFILE,
            EMAILS,
            LOCALE,
            "/users/email/",
            "/users/password/change/",
            "/users/2fa/",
            "/users/sessions/",
        ),
        *("/users/2fa/webauthn/", "/users/feeds/", "/users/blocks/", "/users/leave/"),
    ],
)
def test_each_page_of_the_settings_has_a_way_back_and_marks_its_place(member_client, path):
    text = member_client.get(path).content.decode()

    assert re.search(r'<p class="way-back"><a href="/users/settings/">.*Settings</a>', text, re.DOTALL)
    assert '<a href="/users/settings/" aria-current="true">' in text
    for other in ("/users/settings/", "/", "/users/logout/"):
        assert "way-back" not in member_client.get(other).content.decode()


def test_the_overview_marks_its_place(member_client):
    assert '<a href="/users/settings/" aria-current="page">' in member_client.get(OVERVIEW).content.decode()
    assert '<a href="/users/settings/">' in member_client.get("/").content.decode()


class TestUnsubscribe:
    def path(self, user):
        return unsubscribe_url(user, types.get("new_follower")).removeprefix("http://localhost:8000")

    def test_opening_the_link_asks_and_changes_nothing(self, client, member):
        response = client.get(self.path(member))

        assert "Someone follows me" in response.content.decode()
        assert wants(member) == "at_once"

    def test_posting_to_the_link_turns_the_email_off_and_the_settings_show_it(
        self, client, member, member_client
    ):
        for _twice in range(2):
            assert "This email is turned off" in client.post(self.path(member)).content.decode()

        assert wants(member) == "never"
        assert member_client.get(EMAILS).context["form"]["new_follower"].value() == "never"

    def test_unsubscribing_can_be_undone(self, client, member):
        digests.choose(member, types.get("new_follower"), "weekly")
        response = client.post(self.path(member))
        assert response.context["before"] == "weekly"

        assert (
            "This email is turned on"
            in client.post(self.path(member), {"frequency": "weekly"}).content.decode()
        )
        assert wants(member) == "weekly"
        client.post(self.path(member), {"frequency": "nonsense"})
        assert wants(member) == "never"
        assert client.post(self.path(member)).context["before"] == "at_once"

    def test_a_link_for_a_type_that_no_longer_exists(self, client, member):
        gone = types.Digest()
        gone.name = "gone"
        path = unsubscribe_url(member, gone).removeprefix("http://localhost:8000")
        assert client.post(path).status_code == 404

    @pytest.mark.parametrize(
        "damage", [lambda t: t[:-4], lambda t: "x" + t, lambda t: "a:b:c", lambda t: t[::-1]]
    )
    def test_a_damaged_link_changes_nothing(self, client, member, damage):
        path = self.path(member)
        token = path.split("/")[-2]
        for method in (client.get, client.post):
            response = method(path.replace(token, damage(token)))
            assert response.status_code == 404
            assert "This link is incomplete" in response.content.decode()
        assert wants(member) == "at_once"

    def test_the_link_of_a_deleted_member_is_invalid(self, client, member):
        path = self.path(member)
        member.delete()

        assert client.post(path).status_code == 404
