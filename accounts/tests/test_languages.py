"""The languages that members can choose, with the language settings of other projects."""

import pytest
from django.conf import global_settings
from django.test import Client

from accounts.common.locale import language_of, offered_languages, offered_variant
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory

SETTINGS = "/users/settings/locale/"
CHINESE = ("zh-hans", "简体中文")


@pytest.fixture
def unset(settings):
    """Use the settings that startproject writes: "en-us", and no LANGUAGES, so that Django has about a hundred."""
    settings.LANGUAGE_CODE = "en-us"
    settings.LANGUAGES = global_settings.LANGUAGES


@pytest.fixture
def german(settings):
    """Offer only German, into which the apps aren't translated."""
    settings.LANGUAGE_CODE = "de"
    settings.LANGUAGES = [("de", "Deutsch")]


@pytest.fixture
def english_and_german(settings):
    settings.LANGUAGE_CODE = "en-us"
    settings.LANGUAGES = [("en", "English"), ("de", "German")]


def signed_up(accepted):
    """Return a new member whose browser asks for the languages `accepted`, and their client."""
    client = Client(headers={"accept-language": accepted})
    data = {"username": "ada", "email": "ada@example.org", "password1": PASSWORD}
    assert client.post("/users/signup/", data).status_code == 302
    return User.objects.get(username="ada"), client


def page(client, path=SETTINGS):
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted", "stored"),
    [
        ("", ""),
        ("en-US,en;q=0.9", ""),
        ("en-GB,en;q=0.9", ""),
        ("zh-CN", "zh-hans"),
        ("de", ""),
        ("zh-hant", ""),
    ],
)
def test_startprojects_language_pins_nobody_to_english(unset, accepted, stored):
    member, _client = signed_up(accepted)

    assert member.language == stored


def test_without_a_setting_only_languages_with_a_translation_are_offered(unset, member_client, settings):
    assert offered_languages() == [("en", "English"), CHINESE]
    assert "简体中文" in page(member_client)
    assert "Deutsch" not in page(member_client)

    settings.LOCALE_PATHS = []
    assert offered_languages() == [("en", "English")]
    assert "id_language" not in page(member_client)


def test_a_catalogue_of_the_project_offers_its_language(unset, settings, tmp_path):
    (tmp_path / "pt_BR/LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "pt_BR/LC_MESSAGES/django.mo").write_bytes(b"")
    settings.LOCALE_PATHS = [tmp_path]

    assert [code for code, _name in offered_languages()] == ["en", "pt-br"]


@pytest.mark.parametrize("stored", ["de", "fr", "tlh", "zh-hant", "en-us-x-more", "", "汉语"])
def test_a_stored_language_that_is_not_offered_falls_back(unset, member, member_client, stored):
    User.objects.update(language=stored[:10])
    member.refresh_from_db()

    assert language_of(member) == ("en" if stored.startswith("en") else "")
    assert '<html lang="en">' in page(member_client)
    assert member_client.post(SETTINGS, {"language": "de"}).status_code == 200
    member.refresh_from_db()
    assert member.language == stored[:10]


@pytest.mark.django_db
def test_a_site_in_german_only_works_in_english(german, run_jobs, mailoutbox):
    member, client = signed_up("en-US,en;q=0.9")
    UserFactory(username="bob").follow(member)
    run_jobs()

    assert member.language == ""
    assert '<html lang="de">' in page(client)
    assert "Time zone" in page(client)
    assert "id_language" not in page(client)
    for path in ("/", "/explore/", "/users/", "/@ada/", "/users/settings/mail/new_follower/"):
        assert '<html lang="de">' in page(client, path)
    assert any("@bob" in mail.subject for mail in mailoutbox)
    client.post(SETTINGS, {"time_zone": "Europe/Berlin"})
    member.refresh_from_db()
    assert (member.time_zone, member.language) == ("Europe/Berlin", "")


@pytest.mark.django_db
def test_a_site_in_english_and_german_offers_both(english_and_german, run_jobs, mailoutbox):
    member, client = signed_up("de-AT,de;q=0.9")

    assert member.language == "de"
    assert '<html lang="de">' in page(client)
    assert '<option value="de" selected>Deutsch</option>' in page(client)
    client.post(SETTINGS, {"language": "en"})
    assert '<html lang="en">' in page(client)
    UserFactory(username="bob").follow(member)
    run_jobs()
    assert any("@bob" in mail.subject for mail in mailoutbox)


def test_an_unknown_language_keeps_the_name_that_the_project_gives_it(settings):
    settings.LANGUAGES = [("en-us", "American"), ("en-GB", "British"), ("zh-hans", "Chinese")]

    assert offered_languages() == [("en-us", "American"), ("en-gb", "British English"), CHINESE]
    assert [offered_variant(code) for code in ("en-US", "en-gb", None)] == ["en-us", "en-gb", ""]


def test_a_site_without_translation_offers_no_language(settings, member_client):
    settings.USE_I18N = False

    assert offered_languages() == []
