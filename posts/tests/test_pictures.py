"""The pictures of members next to their posts."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import UserFactory
from posts.tests.factories import PostFactory

KEY = "0" * 32


def count_queries(client, path):
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return len(queries)


def test_pictures_in_lists_need_no_queries_and_have_a_fixed_size(member, member_client):
    def add(number):
        for _ in range(number):
            person = UserFactory(picture=KEY)
            person.follow(member)
            member.follow(person)
            PostFactory(author=person)

    paths = ("/", "/explore/", "/users/", "/@ada/followers/")
    add(3)
    member_client.get("/")  # The first visit stores a read marker.
    few = {path: count_queries(member_client, path) for path in paths}
    add(9)

    assert {path: count_queries(member_client, path) for path in paths} == few
    for path in paths:
        text = member_client.get(path).content.decode()
        assert (
            text.count(f'/media/pictures/{KEY}-96.webp" width="40" height="40" alt="" loading="lazy"') == 12
        )


def test_no_page_shows_the_picture_of_a_suspended_person(member, client):
    member.show_picture(KEY)
    PostFactory(author=member)
    assert KEY in client.get("/explore/").content.decode()
    member.suspend()

    for path in ("/", "/explore/", "/@ada/"):
        assert KEY not in client.get(path).content.decode()
