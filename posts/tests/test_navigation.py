"""The navigation, with its links to pages of both apps."""

import re

import pytest

from accounts.tests.factories import UserFactory


def links(client, path):
    """Return a dict from the words of each link in the navigation to its path and its `aria-current`."""
    navigation = (
        client.get(path).content.decode().partition('<nav class="site-nav"')[2].partition("</nav>")[0]
    )
    found = re.findall(
        r'<a\s+href="([^"]+)"(?: aria-current="(\w+)")?>.*?</svg>([^<]+)</a>', navigation, re.DOTALL
    )
    return {words.strip(): (href, current) for href, current, words in found}


def tabs(client, path):
    text = client.get(path).content.decode().partition('<nav class="tabs"')[2].partition("</nav>")[0]
    return re.findall(r'<a href="([^"]+)"(?: aria-current="(\w+)")?>(\w+)</a>', text)


def test_a_member_finds_every_place_from_every_page(member_client):
    found = links(member_client, "/about/")

    assert {words: href for words, (href, _current) in found.items()} == {
        "Home": "/", "Explore": "/explore/", "New post": "/posts/add/", "Bookmarks": "/bookmarks/", "Notifications": "/notifications/", "You": "/@ada/", "Settings": "/users/settings/",
    }  # fmt: skip
    assert list(found) == ["Home", "Explore", "New post", "Bookmarks", "Notifications", "You", "Settings"]


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/", {"Home": "page"}),
        ("/explore/", {"Explore": "page"}),
        ("/users/", {"Explore": "true"}),
        ("/posts/add/", {"New post": "page"}),
        ("/notifications/", {"Notifications": "page"}),
        ("/@ada/", {"You": "page"}),
        ("/users/settings/", {"Settings": "page"}),
        ("/users/feeds/", {"Settings": "true"}),
        ("/@bob/", {}),
    ],
)
def test_the_navigation_marks_where_one_is(member_client, path, marked):
    UserFactory(username="bob")
    for _from_the_cache in range(2):
        found = links(member_client, path)
        assert {words: current for words, (_href, current) in found.items() if current} == marked


@pytest.mark.django_db
def test_a_visitor_sees_only_what_is_open(client):
    assert list(links(client, "/")) == ["Home", "Explore"]
    assert tabs(client, "/explore/") == []


def test_explore_has_a_tab_for_posts_and_one_for_people(member_client):
    assert tabs(member_client, "/explore/") == [("/explore/", "page", "Posts"), ("/users/", "", "People")]
    assert tabs(member_client, "/users/") == [("/explore/", "", "Posts"), ("/users/", "page", "People")]


def test_ones_own_profile_leads_to_the_settings_and_logs_out(member_client):
    """On a phone, this is the only way there."""
    profile = (
        member_client.get("/@ada/").content.decode().partition('class="profile"')[2].partition("</header>")[0]
    )
    assert 'href="/users/settings/"' in profile
    assert 'href="/users/settings/profile/"' in profile
    assert 'action="/users/logout/"' in profile

    UserFactory(username="bob")
    other = (
        member_client.get("/@bob/").content.decode().partition('class="profile"')[2].partition("</header>")[0]
    )
    assert "/users/logout/" not in other
