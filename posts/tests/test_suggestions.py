"""People who wrote lately are suggested to new members, and home always has a next step."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.suggestions import suggest_people
from accounts.tests.factories import UserFactory
from posts import suggestions
from posts.ids import first_id_at
from posts.suggestions import ACTIVE, recent_authors
from posts.tests.factories import PostFactory


def write(author, ago, **fields):
    return PostFactory(author=author, id=first_id_at(timezone.now() - ago), **fields)


@pytest.fixture
def people(db):
    return UserFactory.create_batch(4)


def test_the_newest_authors_come_first_and_once(people, member):
    first, second, hidden, silent = people
    write(first, timedelta(days=3))
    write(second, timedelta(days=2))
    write(first, timedelta(days=1))
    write(hidden, timedelta(hours=1), hidden_on=timezone.now())
    write(silent, ACTIVE + timedelta(hours=1))

    assert recent_authors(10) == [first.pk, second.pk]
    assert recent_authors(1) == [first.pk]
    assert suggest_people(member)[:2] == [first, second]


def test_few_posts_are_read(people, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(suggestions, "SCANNED", 2)
    for author, minutes in zip(people, (4, 3, 2, 1), strict=True):
        write(author, timedelta(minutes=minutes))
    with django_assert_num_queries(1) as queries:
        assert recent_authors(10) == [people[3].pk, people[2].pk]
    assert "LIMIT 2" in queries[0]["sql"]


PEOPLE = "/users/welcome/people/"


def home(client, path="/"):
    return client.get(path).content.decode()


def test_home_says_what_to_do_next(member, member_client):
    bob = UserFactory(username="bob")
    assert "You don't follow anyone yet." in home(member_client)
    assert f'href="{PEOPLE}"' in home(member_client)
    own = PostFactory(author=member)
    # The member's own posts aren't what home is for.
    assert "You don't follow anyone yet." in home(member_client)
    assert own.content in home(member_client)

    member.follow(bob)
    page = home(member_client)
    assert "The people you follow haven't written anything yet." in page
    assert "You don't follow anyone yet." not in page
    assert f'href="{PEOPLE}"' in page

    PostFactory(author=bob)
    assert f'href="{PEOPLE}"' not in home(member_client)


def test_further_pages_of_home_do_not(member, member_client):
    for _ in range(21):
        last = PostFactory(author=member)
    assert PEOPLE not in home(member_client)
    assert PEOPLE not in home(member_client, f"/?before={last.pk}")
    assert PEOPLE not in home(member_client, "/?before=1")
    PostFactory.reset_sequence()
