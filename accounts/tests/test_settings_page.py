import pytest

from accounts import signals
from accounts.models import MailKind, MailPreference
from accounts.unsubscribe import unsubscribe_url

URL = "/users/settings/"


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
        URL, {"display_name": " Ada\u202e  King ", "bio": "Numbers.\r\nPoetry.", "new_follower": "on"}
    )

    assert response.url == URL
    member.refresh_from_db()
    assert (member.display_name, member.bio) == ("Ada King", "Numbers.\nPoetry.")
    assert changed_profiles == ["Ada King"]
    assert MailPreference.wants(member, MailKind.NEW_FOLLOWER)


def test_saving_without_a_change_publishes_nothing(member, member_client, changed_profiles):
    member_client.post(URL, {"display_name": "Ada Lovelace", "bio": "", "new_follower": "on"})

    assert changed_profiles == []


def test_mail_is_turned_off_and_on_again(member, member_client):
    data = {"display_name": "Ada Lovelace", "bio": ""}
    member_client.post(URL, data)
    assert not MailPreference.wants(member, MailKind.NEW_FOLLOWER)
    assert member_client.get(URL).context["form"]["new_follower"].value() is False

    member_client.post(URL, data | {"new_follower": "on"})
    assert MailPreference.wants(member, MailKind.NEW_FOLLOWER)


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
    assert MailPreference.wants(member, MailKind.NEW_FOLLOWER)


class TestUnsubscribe:
    def path(self, user):
        return unsubscribe_url(user, MailKind.NEW_FOLLOWER).removeprefix("http://localhost:8000")

    def test_opening_the_link_asks_and_changes_nothing(self, client, member):
        response = client.get(self.path(member))

        assert "Someone follows me" in response.content.decode()
        assert MailPreference.wants(member, MailKind.NEW_FOLLOWER)

    def test_posting_to_it_turns_the_mail_off_and_the_settings_say_so(self, client, member, member_client):
        for _twice in range(2):
            assert "This mail is off" in client.post(self.path(member)).content.decode()

        assert not MailPreference.wants(member, MailKind.NEW_FOLLOWER)
        assert member_client.get(URL).context["form"]["new_follower"].value() is False

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
        assert MailPreference.wants(member, MailKind.NEW_FOLLOWER)

    def test_the_link_of_somebody_who_is_gone(self, client, member):
        path = self.path(member)
        member.delete()

        assert client.post(path).status_code == 404
