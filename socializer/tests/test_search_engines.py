"""What search engines, other sites and devices learn about the site and its members."""

import re

import pytest
from django.contrib.staticfiles import finders

from accounts.common.models import ListPart
from accounts.tests.factories import UserFactory
from posts.tests.factories import PostFactory
from socializer import sitemaps
from socializer.sitemaps import SiteSitemap

LOC = re.compile(r"<loc>http://localhost:8000(.*?)</loc>")
NOINDEX = '<meta name="robots" content="noindex">'
SITE = "http://localhost:8000"


def listed(client):
    """Return the paths in all parts of the sitemap."""
    parts = LOC.findall(client.get("/sitemap.xml").content.decode())
    return [path for part in parts for path in LOC.findall(client.get(part).content.decode())]


@pytest.fixture
def shy(db):
    return UserFactory(username="shy", noindex=True)


def test_the_sitemap_lists_pages_and_members_who_allow_it(client, shy):
    ada, gone = UserFactory(username="ada"), UserFactory(username="gone")
    post = PostFactory(author=ada)
    PostFactory(author=ada).hide()
    PostFactory(author=shy)
    PostFactory(author=gone)
    gone.suspend()

    assert listed(client) == ["/", "/about/", "/rules/", "/privacy/", "/@ada/", f"/posts/{post.pk}/"]


@pytest.mark.django_db
def test_the_sitemap_is_paged_and_robots_txt_allows_every_part(client, monkeypatch):
    monkeypatch.setattr(SiteSitemap, "limit", 2)
    paths = [f"/@{UserFactory().username}/" for _ in range(5)]
    parts = LOC.findall(client.get("/sitemap.xml").content.decode())

    assert parts == [
        f"/sitemap-{name}-{n}.xml"
        for name, n in (*[("pages", 1), ("pages", 2)], *[("people", n) for n in (1, 2, 3)])
    ]
    assert listed(client)[4:] == paths
    for path in (
        "/sitemap-people-4.xml",
        "/sitemap-people-0.xml",
        "/sitemap-x-1.xml",
        f"/sitemap-people-{9**40}.xml",
    ):
        assert client.get(path).status_code == 404


@pytest.mark.django_db
def test_the_number_of_queries_for_a_part_does_not_grow(client, django_assert_num_queries):
    for _ in range(9):
        PostFactory()
    for part in ("people", "posts"):
        with django_assert_num_queries(3):  # One is whether the site is for members only.
            client.get(f"/sitemap-{part}-1.xml")


@pytest.mark.django_db
def test_a_part_keeps_its_address_and_its_rows(client, monkeypatch):
    monkeypatch.setattr(SiteSitemap, "limit", 2)
    monkeypatch.setattr(sitemaps, "NEW_PARTS", 1)
    people = [UserFactory() for _ in range(8)]
    for _run in range(5):
        sitemaps.store_parts.func()
    before = [f"/@{person.username}/" for person in people]
    assert listed(client)[4:] == before
    assert ListPart.objects.filter(list="sitemap-people").count() == 3

    people[0].delete()
    people[3].suspend()
    UserFactory(username="newest")
    assert LOC.findall(client.get("/sitemap-people-1.xml").content.decode()) == before[1:2]
    assert LOC.findall(client.get("/sitemap-people-2.xml").content.decode()) == before[2:3]
    assert listed(client)[4:] == [*before[1:3], *before[4:], "/@newest/"]


@pytest.mark.django_db
def test_robots_txt(client):
    text = client.get("/robots.txt").content.decode()

    assert "Disallow: /users/\n" in text
    assert "Disallow: /feeds/\n" in text
    assert f"Sitemap: {SITE}/sitemap.xml\n" in text


def test_pages_of_members_who_opted_out_are_marked(client, shy):
    post = PostFactory(author=shy, content="Only for people.")
    other = PostFactory(author=UserFactory(username="ada"))

    for path in ("/@shy/", f"/posts/{post.pk}/"):
        assert NOINDEX in client.get(path).content.decode()
    for path in ("/", "/@ada/", f"/posts/{other.pk}/"):
        assert NOINDEX not in client.get(path).content.decode()
    # Search engines may index the start page, but not the list of everyone's posts.
    assert "Only for people." not in client.get("/").content.decode()
    explore = client.get("/explore/").content.decode()
    assert "Only for people." in explore
    assert '<meta name="robots" content="noindex, follow">' in explore


def test_members_opt_out_on_the_settings_page(member, member_client):
    member_client.post("/users/settings/profile/", {"display_name": "", "bio": "", "noindex": "on"})
    member.refresh_from_db()
    assert member.noindex
    assert member_client.get("/users/settings/profile/").context["form"]["noindex"].value() is True
    member_client.post("/users/settings/profile/", {"display_name": "", "bio": ""})
    member.refresh_from_db()
    assert not member.noindex


def heads(client, path):
    return re.findall(r'<meta property="(og:\w+)" content="(.*?)">', client.get(path).content.decode())


def test_link_previews_on_other_sites(client, member):
    post = PostFactory(author=member, content='Quote " and <tag>')
    for path in ("/", "/about/", "/explore/", "/@ada/", f"/posts/{post.pk}/"):
        found = dict(heads(client, path))
        assert len(found) == len(heads(client, path)) == 6
        assert found["og:url"] == f"{SITE}{path}"
        assert found["og:image"] == f"{SITE}/static/accounts/icon-512.png"
        assert f'<link rel="canonical" href="{SITE}{path}">' in client.get(path).content.decode()
    assert found["og:description"] == "Quote &quot; and &lt;tag&gt;"

    member.show_picture("0" * 32)
    assert dict(heads(client, "/@ada/"))["og:image"] == f"{SITE}/media/pictures/{'0' * 32}-256.webp"


@pytest.mark.django_db
def test_the_icons_in_the_manifest_exist(client):
    response = client.get("/manifest.webmanifest")
    manifest = response.json()

    assert response["Content-Type"] == "application/manifest+json"
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in manifest["icons"]}
    assert "maskable" in {icon["purpose"] for icon in manifest["icons"]}
    for icon in manifest["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/"))
    assert 'rel="manifest" href="/manifest.webmanifest"' in client.get("/").content.decode()


@pytest.mark.parametrize("role", ["reply", "above"])
def test_a_conversation_with_someone_who_stays_out_of_search_engines_does_too(client, shy, role):
    first = PostFactory(author=shy if role == "above" else UserFactory())
    reply = PostFactory(in_reply_to=first, author=shy if role == "reply" else UserFactory())
    page = first if role == "reply" else reply

    assert NOINDEX in client.get(f"/posts/{page.pk}/").text
    shy.noindex = False
    shy.save()
    assert NOINDEX not in client.get(f"/posts/{page.pk}/").text
