"""The site below a path, such as https://example.org/community/: each link and each redirect stays below it."""

import re
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import include, path, set_script_prefix
from django.utils import timezone

from accounts.emails.samples import all_samples
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.pictures import picture
from posts.feeds.models import HomeFeed
from posts.models import Post
from posts.tests.factories import PostFactory

# The URLs of a project that includes those of the apps below a prefix.
urlpatterns = [path("social/", include("socializer.urls"))]

# Where the site is mounted: the setting FORCE_SCRIPT_NAME, and a prefix in the project's own URLs.
MOUNTS = {"script name": ("/community", ""), "prefix": ("", "/social"), "both": ("/community", "/social")}
# The previews of emails. They link to made-up posts.
PREVIEWS = "/users/settings/mail/"
MOST_PAGES = 70
URL_IN_TEXT = re.compile(r"https?://[^\s\"'<>()]+")


class Mount:
    """Where the site is, and a check that an address is there."""

    def __init__(self, script_name, prefix, site_url):
        self.script_name, self.prefix, self.site_url = script_name, prefix, site_url
        self.root = script_name + prefix

    def is_here(self, url):
        """Return whether `url` is one of this site's, rather than somebody else's or only a fragment."""
        return url.startswith(self.site_url) or (url.startswith("/") and not url.startswith("//"))

    def check(self, url):
        """Assert that `url` and the addresses in its query are below the mount point, and have its path once."""
        assert url.startswith(("/", self.site_url)), url
        parts = urlsplit(url)
        files = parts.path.startswith((f"{self.script_name}/static/", f"{self.script_name}/media/"))
        root = self.script_name if files else self.root
        assert parts.path.startswith(f"{root}/"), url
        for part in filter(None, (self.script_name, self.prefix)):
            assert parts.path.count(part) == (0 if files and part == self.prefix else 1), url
        for _name, value in parse_qsl(parts.query):
            if self.is_here(value):
                self.check(value)

    def check_text(self, text):
        """Check all absolute addresses in `text`. Returns how many there were."""
        own = [url for url in URL_IN_TEXT.findall(text) if self.is_here(url)]
        for url in own:
            self.check(url.rstrip(".,"))
        return len(own)

    def request(self, client, url, data=None):
        """Send a request to `url` as a web server would, which passes the path below the script name."""
        method = client.get if data is None else client.post
        address = urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl()
        response = method(address.removeprefix(self.script_name), data)
        if response.status_code in (301, 302):
            self.check(response.url)
        for name, cookie in response.cookies.items():
            # Django gives the messages no other path.
            assert name == "messages" or cookie["path"] == f"{self.script_name}/", cookie
        return response


class Addresses(HTMLParser):
    """Collects the addresses in the attributes of a page, and those that a person can follow."""

    def __init__(self, mount, html):
        super().__init__()
        self.mount, self.found, self.links, self.forms = mount, [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if value and self.mount.is_here(value):
                self.found.append(value)
                if tag in ("a", "link") and name == "href":
                    self.links.append(value)


@pytest.fixture(params=MOUNTS)
def mount(request, settings):
    script_name, prefix = MOUNTS[request.param]
    settings.MEDIA_URL, settings.STATIC_URL = "media/", "static/"
    if script_name:
        settings.FORCE_SCRIPT_NAME = script_name
        for name in ("CSRF", "LANGUAGE", "SESSION"):
            setattr(settings, f"{name}_COOKIE_PATH", f"{script_name}/")
    if prefix:
        settings.ROOT_URLCONF = __name__
    # Each command and each request does this.
    set_script_prefix(script_name or "/")
    yield Mount(script_name, prefix, settings.SITE_URL)
    set_script_prefix("/")


@pytest.fixture
def network(db, mount, empty_storage):
    """A member with a picture and posts with mentions, who follows people and has followers."""
    ada, bob, eve = (UserFactory(username=name) for name in ("ada", "bob", "eve"))
    ada.follow(bob), bob.follow(ada), eve.follow(ada)
    for author in (ada, bob, eve):
        PostFactory.create_batch(8, author=author, content="Hello @ada and @bob")
    ada.block(UserFactory(username="mallory"))
    client = Client()
    client.force_login(ada)
    data = {"display_name": "Ada", "bio": "Hi", "picture": picture()}
    assert mount.request(client, f"{mount.root}/users/settings/profile/", data).status_code == 302
    assert User.objects.get(username="ada").picture
    HomeFeed.renew(ada, timezone.now())
    return client


def crawl(mount, client, start):
    """Follow all links of the site from `start`. Check the addresses on each page, and return the set of visited paths."""
    waiting, seen = [start], set()
    while waiting and len(seen) < MOST_PAGES:
        url = waiting.pop(0)
        below = urlsplit(url).path.removeprefix(mount.root)
        kind = re.sub(r"\d{5,}|(?<=@)\w+|(?<=unsubscribe/)[^/]+", "*", below)
        static_file = urlsplit(url).path.startswith(
            (f"{mount.script_name}/static/", f"{mount.script_name}/media/")
        )
        if kind in seen or static_file:
            if "/static/" in url:
                assert finders.find(urlsplit(url).path.split("/static/")[1]), url
            continue
        seen.add(kind)
        response = mount.request(client, url)
        if response.status_code in (301, 302):
            waiting.append(response.url)
            continue
        assert response.status_code in (200, 204), url
        if response.streaming:
            continue
        text = response.content.decode()
        mount.check_text(text)
        if response["Content-Type"].startswith("text/html"):
            addresses = Addresses(mount, text)
            for address in addresses.found:
                mount.check(address)
            waiting += [] if below.startswith(PREVIEWS) else addresses.links
    return seen


def test_the_pages_of_a_member(mount, network):
    seen = crawl(mount, network, f"{mount.root}/")

    expected = {
        "/",
        "/explore/",
        "/@*/",
        "/@*/followers/",
        "/@*/following/",
        "/posts/*/",
        "/users/",
        "/users/settings/",
        "/users/settings/profile/",
        "/posts/add/",
    }
    assert expected | {"/users/email/", "/users/blocks/", "/users/feeds/", "/users/leave/", "/about/"} <= seen


def test_the_pages_of_a_visitor(mount, network):
    seen = crawl(mount, Client(), f"{mount.root}/")

    assert {
        "/",
        "/explore/",
        "/explore/feed.atom",
        "/@*/",
        "/@*/feed.atom",
        "/users/login/",
        "/users/signup/",
    } <= seen


def test_parts_of_pages(mount, network):
    home = mount.request(network, f"{mount.root}/")
    text = home.content.decode()
    for pattern in (
        r'data-new-posts="([^"]+)"',
        r'data-hx-post="([^"]+)"',
        r'name="compose" content="([^"]+)"',
    ):
        found = re.findall(pattern, text + mount.request(network, f"{mount.root}/users/").content.decode())
        assert found, pattern
        for url in found:
            mount.check(url)


@pytest.mark.parametrize("name", ["/explore/feed.atom", "/@ada/feed.atom"])
def test_feeds(mount, network, name):
    text = mount.request(Client(), f"{mount.root}{name}").content.decode()

    assert "/@bob/&quot;" in text or "/@bob/" in text
    assert mount.check_text(text) > 20


def test_the_home_feed(mount, network):
    token = HomeFeed.objects.get().token

    assert (
        mount.check_text(mount.request(Client(), f"{mount.root}/feeds/{token}/home.atom").content.decode())
        > 20
    )


def test_forms_redirect_below_the_mount_point(mount, network):
    root = mount.root

    def post(url, data, client=network):
        response = mount.request(client, f"{root}{url}", data)
        assert response.status_code == 302, response.content
        return response.url.removeprefix(root)

    assert post("/posts/add/", {"content": "Hi @bob"}).startswith("/#post-")
    key = Post.objects.latest("pk").pk
    assert post(f"/posts/{key}/edit/", {"content": "Hello again"}) in (f"/posts/{key}/", f"/#post-{key}")
    assert post("/@eve/follow/", {"next": f"{root}/users/?before=3"}) == "/users/?before=3"
    assert post("/@eve/unfollow/", {}) == "/@eve/"
    assert post("/@eve/follow/", {"next": "https://evil.example/"}) == "/@eve/"
    assert post("/language/", {"language": "en", "next": f"{root}/explore/"}) == "/explore/"
    assert post("/users/feeds/", {"do": "renew"}) == "/users/feeds/"
    assert post("/users/logout/", {}) == "/"
    assert post("/@eve/follow/", {}, Client()) == f"/users/login/?next={root}/%40eve/"
    assert post("/posts/add/", {"content": ""}, Client()) == f"/users/login/?next={root}/posts/add/"
    login = {"login": "ada", "password": PASSWORD}
    assert post("/users/login/", login) == "/"
    assert post("/users/login/", login | {"next": f"{root}/explore/"}, Client()) == "/explore/"
    assert post("/users/login/", login | {"next": "https://evil.example/"}, Client()) == "/"
    assert post("/users/leave/", {"password": PASSWORD, "sure": "on"}) == "/"


def test_each_kind_of_email(mount, db):
    for name, sample in all_samples().items():
        message = sample.message("ada@example.org")
        html = message.alternatives[0][0]
        assert mount.check_text(message.body), name
        assert mount.check_text(html), name
        mount.check_text(" ".join(message.extra_headers.values()))


def test_emails_that_the_worker_sends(mount, network, run_jobs, mailoutbox):
    client, signup = Client(), {"username": "grace", "email": "grace@example.org", "password1": PASSWORD}
    assert mount.request(client, f"{mount.root}/users/signup/", signup).status_code == 302
    mount.request(client, f"{mount.root}/@ada/follow/", {})
    mount.request(client, f"{mount.root}/posts/add/", {"content": "Hello @ada"})
    reset = {"email": "ada@example.org"}
    mount.request(Client(), f"{mount.root}/users/password/reset/", {"email": "grace@example.org"} | reset)
    run_jobs()

    assert len(mailoutbox) >= 3
    for message in mailoutbox:
        assert mount.check_text(message.body), message.subject
        assert mount.check_text(message.alternatives[0][0]), message.subject
    confirmation = next(m for m in mailoutbox if "/users/confirm" in m.body or "confirm-email" in m.body)
    links = [url for url in URL_IN_TEXT.findall(confirmation.body) if "confirm" in url]
    assert mount.request(client, links[0]).status_code in (200, 302)


def test_cards_are_cached_separately(mount, network):
    """A process whose cards were rendered without the prefix doesn't show them below it."""
    set_script_prefix("/")
    network.get(f"{mount.prefix}/explore/")
    set_script_prefix(mount.script_name or "/")

    text = mount.request(Client(), f"{mount.root}/explore/").content.decode()
    assert f'<a href="{mount.root}/@bob/">@bob</a>' in text
    for address in Addresses(mount, text).found:
        mount.check(address)
