import pytest
import time_machine
from django.test import Client

from accounts import signals
from accounts.emails import kinds, plans
from accounts.emails.unsubscribe import unsubscribe_url
from accounts.models import MailPreference, RefusedAddress
from accounts.tests.factories import PASSWORD, UserFactory

URL = "/users/settings/"


def wants(member, kind="new_follower"):
    return MailPreference.of(member, kinds.get(kind))


@pytest.fixture
def changed_profiles():
    seen = []

    def remember(user, **kwargs):
        seen.append(user.name)

    signals.profile_changed.connect(remember)
    yield seen
    signals.profile_changed.disconnect(remember)


def test_what_others_see_is_changed_and_published(member, member_client, changed_profiles):
    response = member_client.post(
        URL, {"display_name": " Ada\u202e  King ", "bio": "Numbers.\r\nPoetry.", "new_follower": "daily"}
    )

    assert response.url == URL
    member.refresh_from_db()
    assert (member.display_name, member.bio) == ("Ada King", "Numbers.\nPoetry.")
    assert changed_profiles == ["Ada King"]
    assert wants(member) == "daily"


def test_saving_without_a_change_publishes_nothing(member, member_client, changed_profiles):
    same = {"display_name": "Ada Lovelace", "bio": "", "new_follower": "daily"}
    assert member_client.post(URL, same).status_code == 302
    assert changed_profiles == []

    member_client.post(URL, same | {"bio": "Numbers."})
    assert changed_profiles == ["Ada Lovelace"]


def test_mails_are_chosen_one_by_one(member, member_client):
    data = {"display_name": "Ada Lovelace", "bio": ""}
    member_client.post(URL, data | {"new_follower": "never", "follower_statement": "weekly"})
    assert wants(member) == "never"
    assert wants(member, "follower_statement") == "weekly"
    form = member_client.get(URL).context["form"]
    assert form["new_follower"].value() == "never"

    member_client.post(URL, data | {"new_follower": "at_once"})
    assert wants(member) == "at_once"
    assert wants(member, "follower_statement") == "weekly"  # It was not sent along.

    response = member_client.post(URL, data | {"follower_statement": "at_once"})
    assert "follower_statement" in response.context["form"].errors


def test_times_are_shown_in_the_zone_that_was_chosen(member, member_client):
    data = {"display_name": "Ada Lovelace", "bio": ""}
    assert member_client.post(URL, data | {"time_zone": "Mars/Olympus"}).status_code == 200
    member_client.post(URL, data | {"time_zone": "Asia/Tokyo"})
    member.refresh_from_db()
    assert member.time_zone == "Asia/Tokyo"

    member_client.post(URL, data)
    member.refresh_from_db()
    assert member.time_zone == "Asia/Tokyo"
    with time_machine.travel("2026-03-01T20:00:00Z", tick=False):
        member.follow(UserFactory(username="bob"))
    session = member_client.get("/users/sessions/").content.decode()
    assert "+09:00" in session


def test_log_ins_are_listed_by_browser_and_system(member_client):
    chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36"
    for user_agent in (chrome, ""):
        other = Client(headers={"user-agent": user_agent})
        other.post("/users/login/", {"login": "ada", "password": PASSWORD})
    page = member_client.get("/users/sessions/").content.decode()

    assert f'<strong title="{chrome}">Chrome, Windows</strong>' in page
    assert "<strong>An unknown browser</strong>" in page
    assert page.count("this browser") == 1


def test_a_language_is_offered_once_there_are_two(member, member_client, settings):
    data = {"display_name": "Ada Lovelace", "bio": ""}
    settings.LANGUAGES = [("en", "English")]
    assert "id_language" not in member_client.get(URL).content.decode()
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]
    assert "Deutsch" in member_client.get(URL).content.decode()

    member_client.post(URL, data | {"language": "de"})
    assert '<html lang="de">' in member_client.get(URL).content.decode()


@pytest.mark.parametrize("name", ["new_follower", "follower_statement", "follower_milestone"])
def test_every_mail_has_a_preview_under_our_policy(member_client, name):
    text = member_client.get(f"/users/settings/mail/{name}/").content.decode()

    assert '<link rel="stylesheet" href="/users/mail.css">' in text
    assert "style=" not in text
    assert "<style" not in text
    assert member_client.get("/users/mail.css").headers["Content-Type"].startswith("text/css")
    assert member_client.get("/users/settings/mail/nonsense/").status_code == 404


def test_an_address_that_is_refused_is_shown_to_its_owner_and_can_be_tried_again(member, member_client):
    RefusedAddress.objects.create(address=member.email, answer="550 no such <user>")
    text = member_client.get(URL).content.decode()
    assert "Our mail does not reach you" in text
    assert "550 no such &lt;user&gt;" in text

    response = member_client.post("/users/settings/address/", follow=True)
    assert "Our mail does not reach you" not in response.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("display_name", "x" * 51, "at most 50"),
        ("display_name", "\u3164", "cannot be seen"),
        ("bio", "x" * 301, "at most 300"),
    ],
)
def test_what_is_wrong_is_said_and_kept(member, member_client, field, value, words):
    response = member_client.post(URL, {"display_name": "Ada", "bio": ""} | {field: value})

    assert words in response.context["form"].errors[field][0]
    assert response.context["form"][field].value() == value
    # The page's own header still shows who is logged in.
    assert response.context["user"].display_name == "Ada Lovelace"
    member.refresh_from_db()
    assert member.display_name == "Ada Lovelace"


def test_a_request_without_the_form_changes_nothing(member, member_client):
    assert member_client.put(URL, {}).status_code == 405
    for send in ({"data": {}}, {"data": "{}", "content_type": "application/json"}):
        response = member_client.post(URL, **send)
        assert "A part of the form is missing" in response.content.decode()
    member.refresh_from_db()
    assert member.display_name == "Ada Lovelace"
    assert wants(member) == "at_once"


class TestUnsubscribe:
    def path(self, user):
        return unsubscribe_url(user, kinds.get("new_follower")).removeprefix("http://localhost:8000")

    def test_opening_the_link_asks_and_changes_nothing(self, client, member):
        response = client.get(self.path(member))

        assert "Someone follows me" in response.content.decode()
        assert wants(member) == "at_once"

    def test_posting_to_it_turns_the_mail_off_and_the_settings_say_so(self, client, member, member_client):
        for _twice in range(2):
            assert "This mail is off" in client.post(self.path(member)).content.decode()

        assert wants(member) == "never"
        assert member_client.get(URL).context["form"]["new_follower"].value() == "never"

    def test_there_is_a_way_back_to_what_was_chosen_before(self, client, member):
        plans.choose(member, kinds.get("new_follower"), "weekly")
        response = client.post(self.path(member))
        assert response.context["before"] == "weekly"

        assert "This mail is on" in client.post(self.path(member), {"when": "weekly"}).content.decode()
        assert wants(member) == "weekly"
        client.post(self.path(member), {"when": "nonsense"})
        assert wants(member) == "never"
        assert client.post(self.path(member)).context["before"] == "at_once"

    def test_a_link_for_a_kind_that_is_gone_or_cannot_be_turned_off(self, client, member):
        gone = kinds.MailKind()
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

    def test_the_link_of_somebody_who_is_gone(self, client, member):
        path = self.path(member)
        member.delete()

        assert client.post(path).status_code == 404
