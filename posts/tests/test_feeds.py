from xml.etree import ElementTree

import pytest

from accounts.tests.factories import UserFactory
from posts.tests.factories import PostFactory

ATOM = "{http://www.w3.org/2005/Atom}"
URL = "/@ada/feed.atom"


@pytest.fixture
def ada(db):
    return UserFactory(username="ada", display_name="Ada & <Co>")


def entries(response):
    return ElementTree.fromstring(response.content).findall(f"{ATOM}entry")  # noqa: S314 (our own)


def test_it_has_the_newest_visible_posts_with_their_texts_as_html(client, ada):
    for number in range(25):
        PostFactory(author=ada, content=f"n{number}")
    PostFactory(author=ada).hide()
    newest = PostFactory(author=ada, content="<b> & @ada\nhttps://example.org/")

    response = client.get(URL)
    found = entries(response)
    assert response["Content-Type"].startswith("application/atom+xml")
    assert len(found) == 20
    assert found[0].find(f"{ATOM}title").text == "<b> & @ada https://example.org/"
    html = found[0].find(f"{ATOM}summary").text
    assert html.startswith(
        '&lt;b&gt; &amp; <a href="http://localhost:8000/@ada/">@ada</a><br><a href="https://example.org/"'
    )
    assert found[0].find(f"{ATOM}id").text == f"http://localhost:8000/posts/{newest.pk}/"
    assert found[0].find(f"{ATOM}updated").text.startswith("2024-")
    assert found[1].find(f"{ATOM}title").text == "n24"


def test_it_is_sent_again_only_when_it_changed(client, ada):
    PostFactory(author=ada)
    tag = client.get(URL)["ETag"]

    assert client.get(URL, headers={"if-none-match": tag}).status_code == 304
    PostFactory(author=ada).hide()
    assert client.get(URL, headers={"if-none-match": tag}).status_code == 304
    PostFactory(author=ada)
    assert client.get(URL, headers={"if-none-match": tag}).status_code == 200


def test_nobodys_feed(client, ada):
    assert client.get("/@nobody/feed.atom").status_code == 404
    ada.suspend()
    assert client.get(URL).status_code == 404


def test_the_profile_names_it(client, ada):
    assert 'href="/@ada/feed.atom"' in client.get("/@ada/").content.decode()


def test_a_feed_without_posts_is_valid(client, ada):
    response = client.get(URL)

    assert entries(response) == []
    assert ElementTree.fromstring(response.content).find(f"{ATOM}updated") is not None  # noqa: S314
