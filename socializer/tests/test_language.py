"""The language of a page: the chosen one, else the browser's, else the site's."""

import pytest
from django.test import Client

CHINESE, ENGLISH = '<html lang="zh-hans">', '<html lang="en">'


def page(client, path="/about/", **headers):
    return client.get(path, headers=headers).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted", "html"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", CHINESE),
        ("zh", CHINESE),
        ("zh-SG", CHINESE),  # Closer than English.
        ("en-GB,zh-CN;q=0.5", ENGLISH),
        # Languages that Django doesn't have, so no site offers them.
        ("tlh,qya;q=0.9", ENGLISH),
        ("", ENGLISH),
        ("*", ENGLISH),
        ("zh-hans" * 2000, ENGLISH),
        ("\0;q=9,,;;=", ENGLISH),
    ],
)
def test_visitors_get_the_language_of_their_browser(client, accepted, html):
    assert html in page(client, accept_language=accepted)


@pytest.mark.django_db
def test_a_visitor_chooses_a_language_and_stays_on_the_page():
    # Without a token, because none is required.
    client = Client(enforce_csrf_checks=True)
    assert '<input type="hidden" name="next" value="/explore/?before=9">' in page(
        client, "/explore/?before=9"
    )
    response = client.post("/language/", {"language": "zh-hans", "next": "/explore/?before=9"})

    assert (response.status_code, response.url) == (302, "/explore/?before=9")
    assert CHINESE in page(client, "/explore/?before=9", accept_language="en")
    assert CHINESE in page(client, "/nope/", accept_language="en")
    assert ">English</button>" in page(client)
    client.post("/language/", {"language": "en", "next": "/"})
    assert ENGLISH in page(client, "/", accept_language="zh-CN")
    cookie = client.cookies["django_language"]
    assert (cookie["samesite"], cookie["httponly"]) == ("Lax", True)
    assert cookie["max-age"] > 300 * 24 * 3600


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["xx", "tlh", "", "../../etc/passwd", "zh\0hans", "汉语", "x" * 5000])
def test_an_unknown_language_changes_nothing(client, language):
    response = client.post("/language/", {"language": language, "next": "/about/"})

    assert (response.status_code, response.url) == (302, "/about/")
    assert ENGLISH in page(client)
    client.cookies["django_language"] = language.replace("\0", "").encode().decode("latin-1")
    assert ENGLISH in page(client)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\0", ""]
)
def test_the_choice_redirects_to_no_other_site(client, place):
    assert client.post("/language/", {"language": "en", "next": place}).url == "/"


@pytest.mark.django_db
def test_a_get_request_chooses_nothing(client):
    response = client.get("/language/?language=zh-hans")

    assert response.status_code == 302
    assert ENGLISH in page(client)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/explore/", "/about/", "/users/login/", "/nope/"])
def test_caches_keep_languages_apart(client, path):
    response = client.get(path)

    assert {"Accept-Language", "Cookie"} <= {name.strip() for name in response["Vary"].split(",")}
    assert response["Content-Language"] == "en"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/explore/", "/about/"])
def test_browsing_sets_no_cookie(client, path):
    assert not client.get(path).cookies


def test_members_choose_in_settings_and_not_in_the_footer(member_client, client):
    assert 'class="languages"' not in page(member_client)
    assert 'class="languages"' in page(client)


@pytest.mark.django_db
def test_pages_for_operators_are_in_english(client):
    health = page(client, "/healthz/", accept_language="zh-CN")

    assert ENGLISH in health
    assert "Go to the home page" in health
