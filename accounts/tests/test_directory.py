"""Searching the directory by the first letters of names, with both ways to run the query."""

import pytest

from accounts import directory
from accounts.common.cursors import Cursor, paginate
from accounts.models import User
from accounts.models.name import prefixes_in, words_of
from accounts.tests.factories import FollowFactory, UserFactory


def found(query, people=None, cursor=None, size=50):
    people = User.objects.visible() if people is None else people
    return paginate(directory.fetch_by_names(people, query), cursor or Cursor(), size)


def names(query, **options):
    return [person.username for person in found(query, **options)]


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("GRA", True),
        ("grace_h", True),
        ("hopper", True),
        ("@Grace", True),
        ("brewster", True),
        ("o'br", True),
        ("brien", True),
        ("ÖZGÜR", True),
        ("o\u0308zgu\u0308r", True),
        ("\uff47\uff52\uff41\uff43\uff45", True),  # Full-width letters.
        ("hop grace öz", True),
        ("opper", False),
        ("race", False),
        ("grace x", False),
        ("\x00%_", False),
        ("%", False),
    ],
)
def test_people_are_found_by_the_first_letters_of_their_names(db, query, is_found):
    UserFactory(username="grace_hopper", display_name="Özgür Brewster-Murray O'Brien")
    UserFactory(username="someone_else", display_name="Hidden")

    assert names(query) == (["grace_hopper"] if is_found else [])


def test_names_without_spaces_are_found_by_their_parts():
    assert {"王小明".encode(), "小明".encode(), "明".encode()} == words_of("王小明")


def test_the_length_of_a_search_is_limited():
    assert prefixes_in("a @b b  a\x00 ccc") == [b"ccc", b"a", b"b"]
    assert len(words_of("\ufdfa" * 50, "x " * 500)) <= 40
    assert max(map(len, words_of("x" * 500))) == 50


def test_a_new_name_replaces_the_old_one(member, member_client):
    member_client.post("/users/settings/profile/", {"display_name": "Augusta King", "bio": ""})

    assert names("king") == ["ada"]
    assert names("lovelace") == []
    assert names("ada") == ["ada"]


def test_people_created_in_bulk_are_found(db):
    User.objects.bulk_create([User(username="bulk", email="bulk@example.org", display_name="Very Many")])
    assert names("many") == ["bulk"]


@pytest.mark.parametrize("sorted_up_to", [1_000, 0])
@pytest.mark.parametrize("walked", [3, 1_000])
def test_both_ways_give_the_same_pages_in_both_directions(db, monkeypatch, sorted_up_to, walked):
    monkeypatch.setattr(directory, "SORTED", sorted_up_to)
    monkeypatch.setattr(directory, "SCANNED", walked)
    people = [UserFactory(display_name="Li" if number % 3 else "Other") for number in range(12)]
    for number in (2, 7, 7, 10):
        FollowFactory(followed=people[number])
    people[4].suspend()
    expected = [
        user.username
        for user in sorted(
            people, key=lambda user: (-{2: 1, 7: 2, 10: 1}.get(people.index(user), 0), user.pk)
        )
        if user.display_name == "Li" and user != people[4]
    ]

    seen, cursor = [], Cursor()
    while cursor:
        page = found("li", cursor=cursor, size=2)
        seen += [person.username for person in page]
        cursor = page.older and Cursor(before=page.older)
    assert seen == expected

    back, cursor = [], Cursor(after=1)
    while cursor:
        page = found("li", cursor=cursor, size=2)
        back = [person.username for person in page] + back
        cursor = page.newer and len(page) and Cursor(after=page.newer)
    assert back == expected


def test_blocked_people_are_not_found(member, member_client):
    bob = UserFactory(username="bob")
    bob.block(member)
    assert list(member_client.get("/users/", {"q": "bob"}).context["page"]) == []
