"""In lists, feeds and emails, a reply says to whom it replies, as far as the reader may know."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import UserFactory
from posts.emails import HomeDigest
from posts.models import Post
from posts.tests.factories import PostFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def first():
    return PostFactory(author=UserFactory(username="bob"), content="First words\nand more")


@pytest.fixture
def reply(first, member):
    return PostFactory(in_reply_to=first, author=UserFactory(username="cleo"))


def line_of(client, reply, path="/@cleo/replies/"):
    html = client.get(path).content.decode()
    card = html.partition(f'id="post-{reply.pk}"')[2].partition("</article>")[0]
    return card.partition('<p class="post-replied-to">')[2].partition("</p>")[0]


def test_a_reply_links_to_the_other_post_with_its_first_words(client, first, reply):
    link = f'<a href="/posts/{first.pk}/">@bob</a>'
    assert line_of(client, reply) == f'Replying to {link} <q dir="auto">First words and more</q>'
    assert line_of(client, first, "/explore/") == ""


def test_without_the_post_only_the_person_is_named(client, first, reply):
    for change in (first.hide, lambda: Post.objects.get(pk=first.pk).delete()):
        change()
        assert line_of(client, reply) == "Replying to @bob"


def test_muted_people_are_named_and_not_quoted(member, member_client, client, first, reply):
    member.mute(first.author)
    assert line_of(member_client, reply) == f'Replying to <a href="/posts/{first.pk}/">@bob</a>'
    assert "First words" in line_of(client, reply)


@pytest.mark.parametrize("how", ["suspended", "blocked", "left"])
def test_without_the_person_nobody_is_named(how, member, member_client, first, reply):
    {
        "suspended": first.author.suspend,
        "blocked": lambda: first.author.block(member),
        "left": first.author.leave,
    }[how]()
    assert line_of(member_client, reply) == "Replying to a post that isn&#x27;t available"


def test_the_same_card_shows_each_viewer_their_line(member, member_client, client, first, reply):
    member.block(first.author)
    for _ in range(2):
        assert "@bob" in line_of(client, reply)
        assert "@bob" not in line_of(member_client, reply)


@pytest.mark.parametrize("missing", [False, True])
def test_a_page_makes_one_more_query_or_two(member_client, missing, django_assert_num_queries):
    cleo = PostFactory(author=UserFactory(username="cleo")).author
    member_client.get("/@cleo/replies/")
    with CaptureQueriesContext(connection) as without:
        member_client.get("/@cleo/replies/")
    replied_to = [PostFactory(in_reply_to=PostFactory(), author=cleo).in_reply_to for _ in range(10)]
    if missing:
        replied_to[0].hide()
    with django_assert_num_queries(len(without) + (2 if missing else 1)):
        member_client.get("/@cleo/replies/")


def test_feeds_say_it_too(client, first):
    PostFactory(in_reply_to=first, author=first.author)
    feed = client.get("/@bob/feed.atom").content.decode()
    link = f'Replying to &lt;a href="http://localhost:8000/posts/{first.pk}/"&gt;@bob&lt;/a&gt;'
    assert link in feed
    first.hide()
    assert "Replying to @bob" in client.get("/@bob/feed.atom").content.decode()


def test_home_by_email_says_it_too(member, first):
    cleo = UserFactory()
    member.follow(cleo)
    member.follow(first.author)
    post = Post(author=cleo, content="A reply", in_reply_to=first)
    post.publish()
    content = HomeDigest().content(member, "2020-01-01T00:00:00+00:00", "2040-01-01T00:00:00+00:00")
    assert "Replying to @bob" in [row.replied_to for row in content["posts"]]


def test_a_profile_has_two_tabs(client, first, reply):
    cleo = reply.author
    own = PostFactory(author=cleo, content="Not a reply")
    to_oneself = PostFactory(author=cleo, in_reply_to=own)
    strangers = Client()
    posts = [post.pk for post in strangers.get("/@cleo/").context["page"]]
    everything = [post.pk for post in strangers.get("/@cleo/replies/").context["page"]]
    assert posts == [to_oneself.pk, own.pk]
    assert everything == [to_oneself.pk, own.pk, reply.pk]
    for path in ("/@cleo/", "/@cleo/replies/"):
        html = client.get(path).content.decode()
        assert f'href="{path}" aria-current="page"' in html
        assert "/@cleo/feed.atom" in html
    assert client.get("/@Cleo/replies/").url == "/@cleo/replies/"
    assert (
        f'href="/@cleo/replies/?before={reply.pk + 1}#' in client.get(f"/posts/{reply.pk}/").content.decode()
    )


def test_the_language_of_a_post_is_that_of_its_author(member, member_client, client):
    member.language = "zh-hans"
    member.save()
    member_client.post("/posts/add/", {"content": "one"})
    member_client.post("/posts/add/", {"content": "two", "language": "en"})
    member_client.post("/posts/add/", {"content": "three", "language": ""})
    assert dict(Post.objects.values_list("content", "language")) == {
        "one": "zh-hans",
        "two": "en",
        "three": "",
    }
    html = client.get("/explore/").content.decode()
    assert '<div class="post-text" dir="auto" lang="zh-hans">one</div>' in html
    assert '<div class="post-text" dir="auto" lang="en">two</div>' in html
    assert '<div class="post-text" dir="auto">three</div>' in html
    assert member_client.post("/posts/add/", {"content": "four", "language": "x"}).status_code == 200


def test_explore_can_show_one_language(client):
    chinese = [PostFactory(language="zh-hans").pk for _ in range(21)]
    PostFactory(language="en")
    PostFactory()
    response = client.get("/explore/?language=zh-hans")
    assert [post.pk for post in response.context["page"]] == chinese[:0:-1]
    assert "language=zh-hans&amp;before=" in response.content.decode()
    older = client.get(f"/explore/?language=zh-hans&before={chinese[1]}")
    assert [post.pk for post in older.context["page"]] == [chinese[0]]
    assert client.get("/explore/?language=xx").status_code == 404
    assert len(client.get("/explore/").context["page"]) == 20
