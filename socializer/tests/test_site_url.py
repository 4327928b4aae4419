"""The site has one address, SITE_URL, behind every documented proxy and with any Host header."""

import re
import runpy
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.emails.rendering import site_context
from accounts.tests.factories import PASSWORD, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory

SETTINGS = Path(__file__).resolve().parents[1] / "settings.py"
# Host headers that a site on localhost accepts.
POISONED = [
    {"host": "127.0.0.1:1337"},
    {"host": "localhost:1337"},
    {"host": "LOCALHOST.:1337"},
    {"host": "localhost", "x-forwarded-host": "evil.example:1337", "x-forwarded-port": "1337"},
]
WRONG = re.compile(r":1337|evil\.|127\.0\.0\.1")


def read_settings():
    """Return the settings that the current environment results in."""
    return {name: value for name, value in runpy.run_path(str(SETTINGS)).items() if name.isupper()}


@pytest.fixture
def serve_at(settings, monkeypatch):
    """Return a function that serves the site at an address, behind one proxy."""

    def serve_at(site, **variables):
        before = read_settings()
        for name, value in {"SITE_URL": site, "TRUSTED_PROXIES": "1", **variables}.items():
            monkeypatch.setenv(name, value)
        for name, value in read_settings().items():
            if value != before.get(name):
                setattr(settings, name, value)

    return serve_at


@pytest.fixture
def on_localhost(serve_at):
    serve_at("http://localhost:8000")


def through_proxy(site, host_header, **options):
    """Return a client for `site` behind nginx, which sends $host or $http_host."""
    scheme, _, host = site.partition("://")
    headers = {
        "host": host.rpartition(":")[0] or host if host_header == "$host" else host,
        "x-forwarded-for": "198.51.100.7",
        "x-forwarded-proto": scheme,
    }
    return Client(enforce_csrf_checks=True, headers=headers, **options)


def log_in(client, page="/users/login/", **headers):
    """Submit the login form like a browser, with the token of the page."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(page).content.decode())[1]
    data = {"login": "ada", "password": PASSWORD, "csrfmiddlewaretoken": token}
    return client.post(page, data, headers=headers)


# --- Links in emails


@pytest.mark.parametrize("headers", POISONED)
def test_links_in_emails_lead_to_the_site_with_any_host_header(
    on_localhost, member, settings, run_jobs, mailoutbox, headers
):
    EmailAddress.objects.create(user=member, email="new@example.org")
    member_client = Client(headers=headers)
    member_client.force_login(member)
    visitor = Client(headers=headers)

    visitor.post("/users/password/reset/", {"email": "ada@example.org"})
    visitor.post("/users/password/reset/", {"email": "nobody@example.org"})
    member_client.post("/users/email/", {"action_send": "", "email": "new@example.org"})
    new = {"username": "grace", "email": "grace@example.org", "password1": PASSWORD}
    visitor.post("/users/signup/", new)
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    Client(headers=headers).post("/users/signup/", new | {"username": "eve", "email": "ada@example.org"})
    run_jobs()

    assert sorted({mail.subject.split(" Socializer")[0].split(" on")[0] for mail in mailoutbox}) == [
        "Confirm your email for",
        "No account",
        "Reset your password for",
        "You already have an account",
    ]
    for mail in mailoutbox:
        message = mail.message().as_string()
        assert "http://localhost:8000/users/" in message
        assert not WRONG.search(message)


def test_links_keep_the_sites_scheme(serve_at, member, run_jobs, mailoutbox):
    """Health checks and old bookmarks may still use http."""
    serve_at("https://social.example:8443", TRUSTED_PROXIES="0")
    client = Client(headers={"host": "social.example"})
    client.post("/users/password/reset/", {"email": "ada@example.org"}, secure=True)
    run_jobs()

    assert "https://social.example:8443/users/password/reset/key/" in mailoutbox[0].body


@pytest.mark.parametrize("headers", POISONED)
def test_no_page_repeats_the_host_header(on_localhost, member, headers):
    post = PostFactory(author=member, content="Hello @ada https://example.org/")
    staff = UserFactory(username="root_ed", is_staff=True, is_superuser=True)
    visitor, admin = Client(headers=headers), Client(headers=headers)
    admin.force_login(staff)
    pages = [
        "/",
        "/explore/",
        "/@ada/",
        f"/posts/{post.pk}/",
        "/feeds/public/",
        "/feeds/@ada/",
        "/sitemap.xml",
        "/sitemap-posts-1.xml",
        "/robots.txt",
        "/manifest.webmanifest",
        "/users/login/",
        "/users/settings/",
        "/users/signup/",
        "/nothing-here/",
        "/about",
    ]
    admin_pages = [f"/admin/accounts/user/{member.pk}/change/", f"/admin/posts/post/{post.pk}/change/"]
    for client, paths in ((visitor, pages), (admin, admin_pages)):
        for path in paths:
            response = client.get(path)
            head = str(response.headers)
            assert not WRONG.search(head + b"".join(response).decode()), path
    for path in admin_pages:
        assert "/admin/r/" not in admin.get(path).content.decode()


# --- Proxies

SITES = [
    "https://social.example",
    "https://social.example:8443",
    "http://social.example",
    "http://social.example:8080",
    "https://xn--mnchen-3ya.example:8443",
    "https://[2001:db8::7]:8443",
]
# Headers as nginx sends them.
HOST_HEADERS = ["$host", "$http_host"]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("host_header", HOST_HEADERS)
@pytest.mark.parametrize("proof", ["origin", "referer"])
def test_forms_work_behind_a_proxy(serve_at, member, site, host_header, proof):
    serve_at(site)
    client = through_proxy(site, host_header)
    response = log_in(client, **{proof: site if proof == "origin" else f"{site}/users/login/"})

    assert response.status_code == 302
    assert response.url == "/"
    assert client.post("/users/logout/", headers={"origin": site}).status_code == 403  # Without a token.


@pytest.mark.parametrize("host_header", HOST_HEADERS)
def test_forms_work_with_additional_host_names(serve_at, member, host_header):
    serve_at("https://social.example:8443", ALLOWED_HOSTS="other.example,.many.example")
    for site in ("https://other.example:8443", "https://any.many.example:8443"):
        assert log_in(through_proxy(site, host_header), origin=site).status_code == 302


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("host_header", HOST_HEADERS)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://social.example:9999",
        "https://social.example.evil.example:8443",
        "null",
    ],
)
def test_forms_of_other_sites_are_refused(serve_at, member, site, host_header, origin):
    serve_at(site)
    assert log_in(through_proxy(site, host_header), origin=origin).status_code == 403


@pytest.mark.parametrize("site", [site for site in SITES if site.startswith("https")])
@pytest.mark.parametrize("host", ["{name}", "{name}:80", "{name}:8443", "other.example"])
def test_the_redirect_to_https_leads_to_the_site(serve_at, site, host):
    serve_at(site, ALLOWED_HOSTS="other.example")
    name = site.removeprefix("https://").removesuffix(":8443")
    headers = {"host": host.format(name=name), "x-forwarded-proto": "http"}
    response = Client(headers=headers).get("/@ada/?before=1")

    assert response.status_code == 301
    assert response.url == f"{site}/@ada/?before=1"


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("host_header", HOST_HEADERS)
def test_redirects_stay_on_the_site_with_its_port(serve_at, member, site, host_header):
    serve_at(site)
    scheme, _, host = site.partition("://")
    name = host.rpartition(":")[0] if site.endswith(("8443", "8080")) else host
    wanted = {
        "/users/settings/": True,
        f"{site}/users/settings/": True,
        f"{scheme}://{name}:9999/": False,
        # Another port is another site.
        f"{scheme}://{name}/": name == host,
        "https://evil.example/": False,
        "//evil.example/": False,
        "javascript:alert(1)": False,
    }
    for url, followed in wanted.items():
        client = through_proxy(site, host_header)
        token = re.search(r'value="(\w{64})"', client.get("/users/login/").content.decode())[1]
        data = {"login": "ada", "password": PASSWORD, "next": url, "csrfmiddlewaretoken": token}
        response = client.post("/users/login/", data, headers={"origin": site})
        assert response.url == (url if followed else "/")


def test_posting_and_following_work_behind_a_proxy_that_omits_the_port(serve_at, member):
    bob = UserFactory(username="bob")
    site = "https://social.example:8443"
    serve_at(site)
    client = through_proxy(site, "$host")
    client.force_login(member)
    token = re.search(r'value="(\w{64})"', client.get("/posts/add/").content.decode())[1]
    sent = {"csrfmiddlewaretoken": token}
    client.post("/posts/add/", sent | {"content": "Hello"}, headers={"origin": site})
    back = client.post("/@bob/follow/", sent | {"next": f"{site}/explore/"}, headers={"origin": site})

    assert Post.objects.get().content == "Hello"
    assert member.is_following(bob)
    assert back.url == f"{site}/explore/"


# --- Reading SITE_URL


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://Social.Example:443/", "https://social.example"),
        ("http://social.example:80", "http://social.example"),
        ("https://social.example.:8443", "https://social.example:8443"),
        ("https://münchen.example:8443", "https://xn--mnchen-3ya.example:8443"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://[2001:DB8::7]:8443", "https://[2001:db8::7]:8443"),
    ],
)
def test_the_address_is_normalized_as_in_browsers(serve_at, settings, client, written, read):
    serve_at(written)
    assert read == settings.SITE_URL
    headers = {"host": read.partition("://")[2], "x-forwarded-proto": read.partition("://")[0]}
    assert client.get("/robots.txt", headers=headers).status_code == 200


def test_emails_come_from_the_domain_of_the_site(serve_at, settings):
    serve_at("https://straße.example")
    assert settings.DEFAULT_FROM_EMAIL == "Socializer <no-reply@xn--strae-oqa.example>"
    serve_at("https://social.example", DEFAULT_FROM_EMAIL="Straße <team@straße.example>")
    assert settings.DEFAULT_FROM_EMAIL == "Straße <team@xn--strae-oqa.example>"


@pytest.mark.parametrize(
    ("home", "expected"),
    [("posts:home", "https://club.example/"), ("https://www.example/", "https://www.example/")],
)
def test_emails_lead_to_a_home_page_on_this_site_or_another_one(settings, home, expected):
    settings.SITE_URL, settings.HOME_URL = "https://club.example", home
    assert site_context()["home_url"] == expected
