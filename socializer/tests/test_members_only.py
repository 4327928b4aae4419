"""A site for members only: visitors learn nothing about members, in no response."""

from unittest import mock
from urllib.parse import unquote

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.test import Client
from django.urls import clear_url_caches, path

from accounts import pictures
from accounts.emails.unsubscribe import unsubscribe_url
from accounts.models import Follow, SiteSettings, User
from accounts.notifications import types
from accounts.tests import pictures as samples
from accounts.tests.factories import UserFactory
from posts.feeds.models import HomeFeed
from posts.models import Post
from posts.tests.factories import PostFactory
from socializer import urls
from socializer.tests.test_access import PAGES, POSTS, seen

# Nothing else on the site contains these.
NAME, DISPLAY_NAME, BIO = "quokka_7731", "Zyxwv Quokkason", "Collects brass periscopes."
TEXT, EARLIER, REPLY = "Marmalade dirigible at dusk.", "Marmalade zeppelin.", "Periwinkle semaphore."
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
# The methods and headers of the requests to each address.
REQUESTS = [
    *((method, {}) for method in METHODS),
    *((method, {"HX-Request": "true"}) for method in ("GET", "POST")),
    ("GET", {"If-None-Match": "*", "If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"}),
]
# What visitors may still open, with the status of GET. On every other page they are asked to log in, or it doesn't exist.
OPEN = {
    "/": 200, "/about/": 200, "/help/": 200, "/rules/": 200, "/privacy/": 200,
    "/users/signup/": 200, "/users/invited/x.y/": 200, "/users/inactive/": 200, "/users/logout/": 302, "/users/confirm-email/": 200,
    "/users/confirm-email/x/": 200, "/users/password/reset/": 200, "/users/password/reset/done/": 200,
    "/users/password/reset/key/1-x/": 200, "/users/password/reset/key/done/": 200, "/users/password/check/": 405,
    "/users/unsubscribe/x/": 404, "/users/mail.css": 200, "/users/feed/": 301, "/language/": 302, "/news/": 200,
    "/robots.txt": 200, "/favicon.ico": 302, "/manifest.webmanifest": 200, "/sitemap.xml": 200, "/livez/": 200, "/healthz/": 200,
    # Whose it is, the token says.
    "/feeds/key.sign/home.atom": 404,
    # These don't exist, whoever asks.
    "/sitemap-people-1.xml": 404, "/media/pictures/x.webp": 404, "/style/": 404,
}  # fmt: skip


@pytest.fixture
def closed(db):
    SiteSettings.create_first()
    SiteSettings.objects.update(members_only=True)


@pytest.fixture
def hidden(db, empty_storage):
    """A member whose name, texts and picture are unmistakable, with posts 1 (edited) and 2, and a feed."""
    person = UserFactory(username=NAME, display_name=DISPLAY_NAME, bio=BIO)
    person.show_picture(pictures.store(pictures.process_upload(samples.picture())))
    other = UserFactory(username="author")
    PostFactory(id=1, author=other, content="Hello")
    first = Post(author=person, content=EARLIER)
    first.publish()
    first.edit(TEXT)
    PostFactory(id=2, author=person, content=f"{REPLY} @{NAME}", in_reply_to=Post.objects.get(pk=1))
    Post.objects.get(pk=1).like(person)
    Follow.objects.create(follower=person, followed=other)
    return person


def addresses(person):
    """Return every address of the site, and those of everything about `person`."""
    post = Post.objects.without_replies().by(person).get()
    mine = [each.replace("/@author/", f"/@{NAME}/") for each in PAGES if "author" in each]
    mine += [each.replace("/posts/1/", f"/posts/{post.pk}/") for each in PAGES if "/posts/1/" in each]
    return [
        *{*PAGES, *mine},
        *(person.picture_url(edge) for edge in pictures.SIZES),
        f"/@{NAME.upper()}/",
        f"/@{NAME}",
        "/?before=999999999999999999",
        "/explore/?before=999999999999999999",
        "/explore/?language=en",
        "/sitemap-posts-1.xml",
        "/sitemap-pages-1.xml",
        f"/posts/{post.pk}",
        "/no/such/page/",
        "/admin/",
        f"/admin/accounts/user/{person.pk}/change/",
        f"/admin/moderation/people/{NAME}/",
    ]


def everything_in(response):
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return body + str(response.headers).encode() + str(response.cookies).encode()


def leaks(person, client, paths):
    """Return the requests to which the response contains something about `person` that the request doesn't."""
    secrets = [DISPLAY_NAME, BIO, TEXT, EARLIER, REPLY, person.picture, person.email, NAME]
    picture = pictures.read(person.picture, pictures.SMALL)
    found = []
    for address in paths:
        for method, headers in REQUESTS:
            response = client.generic(method, address, headers=headers)
            content = everything_in(response)
            # The login page leads back to the address that the visitor sent.
            asked = {secret for secret in secrets if secret in address.lower()}
            told = {secret for secret in secrets if secret.encode() in content} - asked
            if picture[:40] in content:
                told.add("the picture")
            if told:
                found.append((method, address, headers, told))
    return found


def test_no_response_to_a_visitor_says_anything_about_a_member(closed, hidden):
    assert leaks(hidden, Client(raise_request_exception=False), addresses(hidden)) == []


def test_the_test_sees_leaks(hidden):
    """On an open site, it finds each kind, and on a closed one a new page that wasn't marked."""
    post = Post.objects.without_replies().by(hidden).get()
    paths = ["/explore/", f"/@{NAME}/", f"/posts/{post.pk}/history/", "/posts/1/", hidden.picture_url()]
    found = {each for *_request, told in leaks(hidden, Client(), paths) for each in told}
    assert {DISPLAY_NAME, BIO, TEXT, EARLIER, REPLY, hidden.picture, NAME, "the picture"} <= found

    SiteSettings.create_first()
    SiteSettings.objects.update(members_only=True)

    @login_not_required
    def unmarked(request):
        return HttpResponse(Post.objects.latest("pk").author.display_name)

    with mock.patch.object(urls, "urlpatterns", [*urls.urlpatterns, path("unmarked/", unmarked)]):
        clear_url_caches()
        assert [address for _method, address, *_ in leaks(hidden, Client(), ["/unmarked/"])]
    clear_url_caches()


def test_visitors_can_open_only_these_pages(closed, hidden):
    """A new page is listed in OPEN, or asks for a login."""
    visitor = Client()
    found = {each: seen(visitor.get(each, follow=each.startswith("/admin/"))) for each in PAGES}
    assert found == dict.fromkeys(PAGES, "in") | OPEN


def test_visitors_can_change_nothing(closed, hidden):
    visitor = Client()
    found = {each: seen(visitor.post(each)) for each in POSTS if each not in OPEN}
    assert set(found.values()) == {"in"}, found


def test_what_exists_and_what_does_not_look_the_same(closed, hidden):
    post = Post.objects.without_replies().by(hidden).get()
    picture = hidden.picture_url()
    pairs = [
        (f"/@{NAME}/", "/@nobody_here/"),
        (f"/@{NAME}/feed.atom", "/@nobody_here/feed.atom"),
        (f"/@{NAME}/follow/", "/@nobody_here/follow/"),
        (f"/posts/{post.pk}/", "/posts/77/"),
        (f"/posts/{post.pk}/like/", "/posts/77/like/"),
        (f"/posts/{post.pk}/mute-conversation/", "/posts/77/mute-conversation/"),
        (picture, picture.replace(hidden.picture, "0" * 32)),
    ]
    for real, made_up in pairs:
        for method, headers in REQUESTS:
            there, not_there = [
                (response.status_code, unquote(f"{response.headers} {response.content}").replace(address, ""))
                for address in (real, made_up)
                for response in [Client().generic(method, address, headers=headers)]
            ]
            assert there == not_there, (method, real)


def test_members_see_everything_as_before(closed, hidden):
    client = Client()
    client.force_login(UserFactory())
    post = Post.objects.without_replies().by(hidden).get()
    for address in (
        "/explore/",
        f"/@{NAME}/",
        f"/posts/{post.pk}/",
        f"/@{NAME}/feed.atom",
        "/explore/feed.atom",
    ):
        response = client.get(address)
        assert TEXT in response.content.decode()
        assert response["Cache-Control"] == "no-cache, private"
    response = client.get(hidden.picture_url())
    assert b"".join(response.streaming_content)[8:12] == b"WEBP"
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "Cookie" in response["Vary"]


def test_a_suspended_member_sees_no_pictures(closed, hidden):
    client, member = Client(), UserFactory()
    client.force_login(member)
    member.suspend()
    assert seen(client.get(hidden.picture_url())) == "in"


def test_who_waits_for_approval_sees_no_pictures(closed, hidden):
    client, person = Client(), UserFactory()
    client.force_login(person)
    assert client.get(hidden.picture_url()).status_code == 200
    User.objects.filter(pk=person.pk).update(pending_since=person.date_joined)
    assert seen(client.get(hidden.picture_url())) == "in"
    assert client.get("/users/login/", {"next": hidden.picture_url()}).url == "/users/application/"


def test_the_private_feed_and_unsubscribing_need_no_login(closed, hidden, member):
    member.follow(hidden)
    HomeFeed.renew(member, hidden.date_joined)
    token = HomeFeed.objects.get(user=member).token
    response = Client().get(f"/feeds/{token}/home.atom")
    assert TEXT in response.content.decode()
    assert "private" in response["Cache-Control"]

    address = unsubscribe_url(member, types.get("new_follower")).partition("/users/")[2]
    assert Client().post(f"/users/{address}").status_code == 200


def test_the_login_leads_to_the_page_that_an_email_linked_to(closed, hidden):
    post = Post.objects.without_replies().by(hidden).get()
    response = Client().get(f"/posts/{post.pk}/?x=1")
    assert response.url == f"/users/login/?next=/posts/{post.pk}/%3Fx%3D1"
    # Pages that can't be opened with GET lead home.
    assert Client().post(f"/posts/{post.pk}/like/").url == "/users/login/?next=/"


def test_closing_takes_effect_on_the_next_request_and_opening_too(hidden):
    visitor = Client()
    post = Post.objects.without_replies().by(hidden).get()
    shown = [
        "/",
        "/explore/",
        f"/@{NAME}/",
        f"/posts/{post.pk}/",
        f"/@{NAME}/feed.atom",
        "/explore/feed.atom",
    ]
    etags = {}
    for address in shown:
        response = visitor.get(address)
        assert TEXT in response.content.decode()
        # A proxy has to ask each time.
        assert "no-cache" in response["Cache-Control"]
        etags[address] = response.get("ETag", "*")
    SiteSettings.create_first()
    SiteSettings.objects.update(members_only=True)
    for address in shown:
        response = visitor.get(address, headers={"If-None-Match": etags[address]})
        assert response.status_code == (200 if address == "/" else 302)
        assert TEXT not in response.content.decode()
        if address != "/":
            assert response["Cache-Control"] == "no-store"
    # "Older", on a page from before.
    for address in ("/?before=999", "/explore/?before=999", f"/@{NAME}/?before=999"):
        response = visitor.get(address, headers={"HX-Request": "true"})
        assert response["HX-Redirect"].startswith("/users/login/?next=")
        assert response.content == b""
    SiteSettings.objects.update(members_only=False)
    for address in shown:
        assert TEXT in visitor.get(address).content.decode()


def test_the_pages_for_visitors_link_to_nothing_that_is_closed(closed, hidden):
    for address in ("/", "/about/", "/rules/", "/users/login/", "/no/such/page/"):
        page = Client().get(address).content.decode()
        assert 'href="/explore/"' not in page
        assert "feed.atom" not in page
    page = Client().get("/").content.decode()
    assert "Only members can see posts and profiles." in page
    assert "What people are writing" not in page
    assert Client().get("/sitemap.xml").content.decode().count("<loc>") == 1


def test_the_gate_takes_one_query_for_visitors_and_none_for_members(
    closed, hidden, django_assert_num_queries, member_client
):
    for address in ("/", "/explore/", f"/@{NAME}/", f"/posts/{1}/", hidden.picture_url()):
        with django_assert_num_queries(1):
            Client().get(address)
    with mock.patch.object(SiteSettings, "load", side_effect=AssertionError):
        for address in ("/", "/explore/", f"/@{NAME}/", "/notifications/"):
            assert member_client.get(address).status_code == 200


def test_without_the_row_the_environment_decides(settings, db):
    settings.MEMBERS_ONLY = True
    assert seen(Client().get("/explore/")) == "in"
