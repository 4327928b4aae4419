"""An open page asks from time to time how many posts are new."""

from datetime import timedelta

import pytest

from posts import ids
from posts.tests.reading import TUESDAY, text_of, write, writes_of


def test_an_open_page_asks_for_newer_posts(member, member_client, bob, back_on_friday, clock):
    write(bob, 2)
    home = member_client.get("/")
    url = f"/news/?after={home.context['poll_from']}"
    assert url in home.content.decode()
    assert member_client.get(url).status_code == 204

    clock.shift(timedelta(minutes=1))
    write(member, 5)
    assert member_client.get(url).status_code == 204
    write(bob, 7)
    assert "7 new posts" in text_of(member_client.get(url))
    assert writes_of(member_client, url) == []


def test_a_page_does_not_ask_while_older_posts_are_unread(member_client, bob, back_on_friday):
    write(bob, 45)
    assert "data-new-posts" not in text_of(member_client.get("/"))
    assert "data-new-posts" not in text_of(member_client.get("/?before=999999999999999"))


def test_the_page_says_if_the_reader_was_logged_out(client, db):
    assert "You're no longer logged in." in text_of(client.get("/news/?after=1"))


@pytest.mark.parametrize("path", ["/news/", "/unread/"])
@pytest.mark.parametrize("cursor", ["x", "-1", str(2**53), "²"])
def test_a_nonsense_position_is_not_found(member_client, path, cursor):
    assert member_client.get(path, {"after": cursor}).status_code == 404


def test_the_number_of_queries_does_not_depend_on_how_many_posts_are_new(
    member_client, bob, back_on_friday, clock, django_assert_num_queries
):
    for size in (1, 150):
        clock.shift(timedelta(hours=1))
        write(bob, size)
        with django_assert_num_queries(4):  # Session, user, count, newest notification.
            member_client.get(f"/news/?after={ids.first_id_at(TUESDAY)}")
