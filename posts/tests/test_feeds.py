import re
from datetime import datetime
from unittest import mock
from xml.etree import ElementTree

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from redis.exceptions import ConnectionError

from accounts.models import User
from accounts.tests.factories import FollowFactory, UserFactory
from posts.circuit_breaker import CircuitBreaker
from posts.feeds.models import HomeFeed
from posts.models import Post
from posts.tests.factories import LONG_AGO, PostFactory

ATOM = "{http://www.w3.org/2005/Atom}"
SETTINGS = "/users/feeds/"


@pytest.fixture
def ada(db):
    return UserFactory(username="ada", display_name="Ada & <Co>", bio="Numbers.")


@pytest.fixture
def home_feed(member, member_client):
    """Return the path of the private feed of `member`, who follows Bob."""
    FollowFactory(follower=member, followed=UserFactory(username="bob"))
    return make_link(member_client)


def make_link(client):
    client.post(SETTINGS, {"do": "renew"})
    return client.get(SETTINGS).context["address"].removeprefix("http://localhost:8000")


def parse(response):
    return ElementTree.fromstring(response.content)  # noqa: S314 (from our own site)


def entries(response):
    return parse(response).findall(f"{ATOM}entry")


def texts(response):
    return [entry.find(f"{ATOM}title").text for entry in entries(response)]


def links(element):
    return {link.get("rel"): link.get("href") for link in element.findall(f"{ATOM}link")}


def faults(response):
    """Return what this feed lacks that RFC 4287 and RFC 5005 require."""
    feed = parse(response)
    found = list(faults_of_head(feed))
    ids = [entry.find(f"{ATOM}id").text for entry in feed.findall(f"{ATOM}entry")]
    if len(ids) != len(set(ids)):
        found.append("two entries with one id")
    for entry in feed.findall(f"{ATOM}entry"):
        found += faults_of_head(entry)
        if [content.get("type") for content in entry.findall(f"{ATOM}content")] != ["html"]:
            found.append("no content as html")
        if entry.find(f"{ATOM}published") is None:
            found.append("no published")
    if "self" not in links(feed):
        found.append("no link to itself")
    # Of each rel at most one with the same type and language (4.1.1).
    rels = [link.get("rel") for link in feed.findall(f"{ATOM}link")]
    if len(rels) != len(set(rels)):
        found.append(f"links twice: {rels}")
    return found


def faults_of_head(element):
    for name in ("id", "title", "updated"):
        if len(element.findall(f"{ATOM}{name}")) != 1 or not element.find(f"{ATOM}{name}").text:
            yield f"{element.tag}: not one {name}"
    if not re.match(r"https?://", element.find(f"{ATOM}id").text):
        yield f"{element.tag}: the id is no absolute IRI"
    if datetime.fromisoformat(element.find(f"{ATOM}updated").text).tzinfo is None:
        yield f"{element.tag}: a time without a time zone"
    authors = element.findall(f"{ATOM}author")
    if not authors or not all(author.find(f"{ATOM}name").text for author in authors):
        yield f"{element.tag}: no author with a name"
    for link in element.findall(f"{ATOM}link"):
        if not re.match(r"https?://", link.get("href")):
            yield f"{element.tag}: a relative link"
    if "alternate" not in links(element):
        yield f"{element.tag}: no page for people"


@pytest.fixture(params=["author", "public", "home"])
def feed(request):
    """Return the path of each feed in turn. Bob's posts are in all of them."""
    if request.param == "home":
        return request.getfixturevalue("home_feed")
    request.getfixturevalue("db")
    UserFactory(username="bob", display_name="Bob <b>")
    return {"author": "/@bob/feed.atom", "public": "/explore/feed.atom"}[request.param]


@pytest.fixture
def write(feed):
    bob = User.objects.get(username="bob")
    return lambda **fields: PostFactory(author=bob, **fields)


def test_feeds_are_valid_with_and_without_posts(client, feed, write):
    empty = client.get(feed)
    assert (empty.status_code, entries(empty), faults(empty)) == (200, [], [])
    for content in ("<b>&amp; ]]> & \u2028", "مرحبا", "x" * 500, "two\n\nlines https://example.org/?a=1&b=2"):
        write(content=content)
    response = client.get(feed)

    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert response["X-Robots-Tag"] == "noindex"
    assert len(entries(response)) == 4
    assert faults(response) == []


def test_following_the_links_finds_every_post_once(client, feed, write):
    for number in range(45):
        write(content=f"n{number}")
    address, titles, ids = f"http://localhost:8000{feed}", [], set()
    while address:
        response = client.get(address.removeprefix("http://localhost:8000"))
        assert faults(response) == []
        titles += texts(response)
        ids.add(parse(response).find(f"{ATOM}id").text)
        page_links = links(parse(response))
        assert page_links["self"] == address
        assert page_links["first"] == f"http://localhost:8000{feed}"
        address = page_links.get("next")

    assert titles == [f"n{number}" for number in range(44, -1, -1)]
    # All pages have the id of the feed.
    assert len(ids) == 1
    back = client.get(page_links["previous"].removeprefix("http://localhost:8000"))
    assert texts(back) == [f"n{number}" for number in range(24, 4, -1)]


def test_a_feed_is_sent_again_only_after_a_change(client, feed, write):
    first = write()
    tag = client.get(feed)["ETag"]
    assert client.get(feed, headers={"if-none-match": tag}).status_code == 304
    write().hide()
    assert client.get(feed, headers={"if-none-match": tag}).status_code == 304
    write()
    newer = client.get(feed, headers={"if-none-match": tag})
    assert newer.status_code == 200
    first.delete()
    assert client.get(feed, headers={"if-none-match": newer["ETag"]}).status_code == 200


def test_the_number_of_queries_does_not_grow(client, feed, write, django_assert_num_queries):
    write(content="@bob")
    with CaptureQueriesContext(connection) as few:
        client.get(feed)
    for _ in range(15):
        write(content="@bob")
    with django_assert_num_queries(len(few)):
        client.get(feed)


def state(client, feed):
    response = client.get(feed)
    return response["ETag"], response.headers.get("Last-Modified")


def ask(client, feed, **headers):
    return client.get(
        feed, headers={name.replace("_", "-"): value for name, value in headers.items()}
    ).status_code


@pytest.fixture
def clock():
    with time_machine.travel("2026-03-01T12:00:00.5Z", tick=False) as clock:
        yield clock


def test_conditional_requests_with_a_date(client, feed, write, clock):
    write()
    tag, date = state(client, feed)
    assert date == "Sun, 01 Mar 2026 12:00:00 GMT"
    clock.shift(3600)
    earlier, later = "Sun, 01 Mar 2026 11:59:59 GMT", "Sun, 01 Mar 2026 12:30:00 GMT"

    assert state(client, feed) == (tag, date)
    assert ask(client, feed, if_modified_since=date) == 304
    assert ask(client, feed, if_modified_since=later) == 304
    assert ask(client, feed, if_modified_since=earlier) == 200
    assert ask(client, feed, if_modified_since="yesterday") == 200
    # If there is an ETag, the date is ignored (RFC 9110, 13.2.2).
    assert ask(client, feed, if_modified_since=later, if_none_match='"another"') == 200
    assert ask(client, feed, if_modified_since=earlier, if_none_match=tag) == 304
    assert client.head(feed, headers={"if-modified-since": date}).status_code == 304
    unchanged = client.get(feed, headers={"if-modified-since": date})
    assert (unchanged["ETag"], unchanged["Last-Modified"], unchanged.content) == (tag, date, b"")


CHANGES = {
    "another post": lambda post: PostFactory(author=post.author),
    "an edit": lambda post: Post.objects.filter(pk=post.pk).update(content="other"),
    "an edit that leaves the text": lambda post: Post.objects.filter(pk=post.pk).update(edited_on=LONG_AGO),
    "hiding": lambda post: post.hide(),
    "deleting": lambda post: post.delete(),
    "another name": lambda post: User.objects.filter(pk=post.author_id).update(display_name="Robert"),
    "no mention any more": lambda post: User.objects.get(username="cleo").suspend(),
}


@pytest.mark.parametrize("seconds", [0, 1, 3600])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_moves_the_date(client, feed, write, clock, change, seconds):
    UserFactory(username="cleo")
    post = write(content="first @cleo")
    write(content="second")
    tag, date = state(client, feed)
    clock.shift(seconds)
    change(post)

    assert ask(client, feed, if_modified_since=date) == 200
    newer_tag, newer_date = state(client, feed)
    assert newer_tag != tag
    assert newer_date != date
    assert (newer_date is None) == (seconds == 0)
    clock.shift(1)
    date = state(client, feed)[1]
    assert ask(client, feed, if_modified_since=date) == 304


def test_a_change_that_is_undone_within_a_second_has_no_date(client, feed, write, clock):
    post = write()
    _tag, before = state(client, feed)
    post.hide()
    hidden_tag, hidden = state(client, feed)
    post.restore()

    assert hidden is None
    assert state(client, feed)[1] == before
    clock.shift(5)
    post.hide()
    assert ask(client, feed, if_modified_since=before) == 200
    assert state(client, feed) == (hidden_tag, "Sun, 01 Mar 2026 12:00:05 GMT")
    clock.shift(5)
    post.restore()
    assert ask(client, feed, if_modified_since="Sun, 01 Mar 2026 12:00:05 GMT") == 200


def test_an_empty_feed_does_not_change_with_time(client, feed, clock):
    tag, date = state(client, feed)
    clock.shift(3600)

    assert state(client, feed) == (tag, date)


@pytest.mark.parametrize("languages", [("en", "zh-hans")])
def test_each_language_has_its_own_date(client, db, clock, languages):
    dates = []
    for language in languages * 2:
        dates.append(client.get("/explore/feed.atom", headers={"accept-language": language})["Last-Modified"])
        clock.shift(10)

    assert dates[:2] == dates[2:]


def test_without_the_cache_there_is_no_date(client, feed, write, monkeypatch):
    write()
    # A breaker of its own, because the error opens it for a while.
    monkeypatch.setattr("posts.rendering.cards.breaker", CircuitBreaker())
    with mock.patch("posts.rendering.cards.cache.get", side_effect=ConnectionError):
        assert state(client, feed)[1] is None
        assert ask(client, feed, if_modified_since="Sun, 01 Mar 2099 12:00:00 GMT") == 200


def test_titles_are_not_cut_inside_a_character(client, feed, write):
    write(content="🇩🇪" * 100 + "👨‍👩‍👧‍👦")

    assert texts(client.get(feed)) == ["🇩🇪" * 79 + "…"]


def test_white_space_and_links_without_our_style_sheet(client, ada):
    PostFactory(author=ada, content='    x  = "href=\'/@ada/\'"\n \n\u200b\n\thref="/@ada/ @ada')
    (entry,) = entries(client.get("/@ada/feed.atom"))
    content = entry.find(f"{ATOM}content").text

    assert content.startswith("\xa0\xa0\xa0 x\xa0 = &quot;")
    assert content.count("<br>") == 2
    assert content.endswith('&quot;/@ada/ <a href="http://localhost:8000/@ada/">@ada</a>')
    assert content.count("http://localhost:8000") == 1


@pytest.mark.parametrize("query", ["before=x", "after=-1", f"before={'9' * 30}"])
def test_an_invalid_cursor_is_not_found(client, feed, query):
    assert client.get(f"{feed}?{query}").status_code == 404


def test_an_entry_is_the_text_as_html_with_absolute_links(client, ada):
    newest = PostFactory(author=ada, content="<b> & @ada\nhttps://example.org/")
    (entry,) = entries(client.get("/@ada/feed.atom"))

    assert entry.find(f"{ATOM}title").text == "<b> & @ada https://example.org/"
    assert entry.find(f"{ATOM}content").text.startswith(
        '&lt;b&gt; &amp; <a href="http://localhost:8000/@ada/">@ada</a><br><a href="https://example.org/"'
    )
    assert entry.find(f"{ATOM}id").text == f"http://localhost:8000/posts/{newest.pk}/"
    assert entry.find(f"{ATOM}updated").text.startswith("2024-")
    assert entry.find(f"{ATOM}author/{ATOM}uri").text == "http://localhost:8000/@ada/"


def test_the_feed_of_an_unknown_member_is_not_found(client, ada):
    assert client.get("/@nobody/feed.atom").status_code == 404
    PostFactory(author=ada)
    ada.suspend()
    assert client.get("/@ada/feed.atom").status_code == 404
    assert entries(client.get("/explore/feed.atom")) == []


def test_pages_link_to_their_feeds(client, ada):
    assert 'href="/@ada/feed.atom"' in client.get("/@ada/").content.decode()
    assert 'href="/explore/feed.atom"' in client.get("/explore/").content.decode()


class TestHome:
    def test_it_has_the_home_timeline_without_a_login(self, client, home_feed, member):
        PostFactory(author=UserFactory(), content="not followed")
        PostFactory(author=member.follows.get(), content="followed")
        PostFactory(author=member, content="own")
        response = client.get(home_feed)

        assert texts(response) == ["own", "followed"]
        assert response["Cache-Control"] == "private"
        assert "Set-Cookie" not in response.headers

    def test_a_new_link_replaces_the_old_one_and_revoking_ends_both(self, client, home_feed, member_client):
        newer = make_link(member_client)
        assert [client.get(path).status_code for path in (home_feed, newer)] == [404, 200]

        for _twice in range(2):
            member_client.post(SETTINGS, {"do": "revoke"})
        assert [client.get(path).status_code for path in (home_feed, newer)] == [404, 404]
        assert "You have no feed link yet." in member_client.get(SETTINGS).content.decode()
        assert make_link(member_client) not in (home_feed, newer)

    def test_every_wrong_token_gets_the_same_response(self, client, home_feed, member_client, settings):
        key, _dot, signature = home_feed.split("/")[2].rpartition(".")
        revoked = make_link(member_client)
        member_client.post(SETTINGS, {"do": "revoke"})
        wrong = [f"{key}.{signature[::-1]}", f"{key}.", signature, key, "x", "a.b.c", "é", "%00", "x" * 900]
        answers = set()
        for path in [revoked, *(f"/feeds/{token}/home.atom" for token in wrong)]:
            # The form for the language leads back to the page.
            answers.add(re.sub(rb'name="next" value="[^"]*"', b"", client.get(path).content))

        assert len(answers) == 1
        assert b"Page not found" in answers.pop()

    def test_a_guess_needs_no_query_for_the_feed(self, client, home_feed, django_assert_num_queries):
        with django_assert_num_queries(1):  # The page that says so asks whether the site is for members only.
            client.get("/feeds/0123456789abcdef.guess/home.atom")

    def test_the_database_alone_does_not_reveal_the_token(self, client, home_feed):
        feed = HomeFeed.objects.get()
        assert feed.key in home_feed
        assert client.get(f"/feeds/{feed.key}/home.atom").status_code == 404

    def test_the_feed_of_a_suspended_or_deleted_member_is_not_found(self, client, home_feed, member):
        member.suspend()
        assert client.get(home_feed).status_code == 404
        member.reinstate()
        assert client.get(home_feed).status_code == 200
        member.leave()
        assert client.get(home_feed).status_code == 404

    def test_nobody_else_sees_or_changes_the_link(self, home_feed, member):
        other = Client()
        assert other.get(SETTINGS).url.startswith("/users/login/")
        assert other.post(SETTINGS, {"do": "revoke"}).url.startswith("/users/login/")
        other.force_login(UserFactory())
        assert home_feed not in other.get(SETTINGS).content.decode()
        other.post(SETTINGS, {"do": "revoke"})
        assert HomeFeed.objects.filter(user=member).exists()

    def test_get_requests_and_invalid_data_change_nothing(self, home_feed, member_client):
        for data in ({}, {"do": "x"}):
            assert member_client.post(SETTINGS, data).status_code == 302
        page = member_client.get(SETTINGS)
        assert home_feed in page.content.decode()
        assert "no-store" in page["Cache-Control"]


def test_an_edited_post_keeps_its_id_and_is_updated(client, ada):
    post = Post(author=ada, content="Frist!")
    post.publish()
    (before,) = entries(client.get("/@ada/feed.atom"))
    post.edit("First!")
    (after,) = entries(client.get("/@ada/feed.atom"))

    assert [entry.find(f"{ATOM}id").text for entry in (before, after)] == [
        f"http://localhost:8000/posts/{post.pk}/"
    ] * 2
    assert datetime.fromisoformat(after.find(f"{ATOM}updated").text) == post.edited_on
    assert after.find(f"{ATOM}published").text == before.find(f"{ATOM}published").text
    assert after.find(f"{ATOM}content").text == "First!"
