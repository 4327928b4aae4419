"""The page of a single post: its time, its link, and the author's other posts."""

import re

import pytest

from accounts.models import User
from accounts.tests.factories import UserFactory
from posts.tests.factories import PostFactory
from posts.tests.reading import own_queries_of


def others_on(response):
    return [post.pk for post in response.context["others"]]


def test_the_date_and_time_are_those_of_the_reader(member, member_client, client):
    post = PostFactory(author=member)
    User.objects.update(time_zone="Asia/Tokyo")
    post.created_on = post.created_on.replace(year=2024, month=5, day=1, hour=12, minute=34)
    post.save(update_fields=["created_on"])

    words = re.compile(
        r'<p class="post-moment"><time datetime="2024-05-01T(.{14})" data-full>1 May 2024, (.*?)</time>'
    )
    assert words.search(member_client.get(post.get_absolute_url()).content.decode()).groups() == (
        "21:34:00+09:00", "21:34",
    )  # fmt: skip
    assert words.search(client.get(post.get_absolute_url()).content.decode())[1] == "12:34:00+00:00"


def test_the_link_can_be_copied(client, db, settings):
    post = PostFactory()
    page = client.get(post.get_absolute_url()).content.decode()

    assert f'data-copy="{settings.SITE_URL}{post.get_absolute_url()}"' in page


def test_the_author_edits_and_deletes_and_others_report(member, member_client, client):
    own, other = PostFactory(author=member), PostFactory()
    pages = [member_client.get(f"/posts/{post.pk}/").content.decode() for post in (own, other)]

    assert [f"/posts/{own.pk}/delete/" in page for page in pages] == [True, False]
    assert [f"/posts/{other.pk}/report/" in page for page in pages] == [False, True]
    assert "/report/" not in client.get(f"/posts/{other.pk}/").content.decode()


def test_it_leads_on_to_the_authors_newest_other_posts(client, db):
    author = UserFactory(username="ada")
    posts = [PostFactory(author=author).pk for _ in range(6)]
    PostFactory()

    assert others_on(client.get(f"/posts/{posts[0]}/")) == [posts[5], posts[4], posts[3]]
    page = client.get(f"/posts/{posts[4]}/")
    assert others_on(page) == [posts[5], posts[3], posts[2]]
    assert '<a href="/@ada/">More posts by @ada</a>' in page.content.decode()


def test_of_the_others_only_visible_ones_are_shown(client, member, member_client):
    posts = [PostFactory(author=member) for _ in range(3)]
    posts[1].hide()

    assert others_on(client.get(f"/posts/{posts[0].pk}/")) == [posts[2].pk]
    # The author can open a hidden post, but it is in no list.
    assert others_on(member_client.get(f"/posts/{posts[1].pk}/")) == [posts[2].pk, posts[0].pk]


def test_without_other_posts_there_is_no_heading(client, db):
    assert "More from" not in client.get(PostFactory().get_absolute_url()).content.decode()


@pytest.mark.parametrize("count", [1, 30])
def test_the_number_of_queries_does_not_grow(member, member_client, count):
    posts = [PostFactory(author=member) for _ in range(count)]
    path = posts[0].get_absolute_url()
    member_client.get(path)
    assert own_queries_of(member_client, path) == 4
