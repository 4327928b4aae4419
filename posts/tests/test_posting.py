from unittest import mock

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.outcomes import Database, content
from posts.drafts import sign_writer
from posts.models import Post
from posts.tests.factories import PostFactory

URL = "/posts/add/"


def post(client, content):
    return client.post(URL, {"content": content})


def test_a_post_is_published_and_shown_at_home(member, member_client):
    response = post(member_client, "Hello, world")

    stored = Post.objects.get()
    assert response.url == f"/#post-{stored.pk}"
    assert (stored.author, stored.content) == (member, "Hello, world")
    assert "Hello, world" in member_client.get("/").content.decode()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("x" * 500, "x" * 500),
        ("👨‍👩‍👧‍👦" * 500, "👨‍👩‍👧‍👦" * 500),
        ("  a\r\nb\x00\u202e  ", "  a\nb"),
        (" \n\u3164\n    def f():\n\treturn\n\u200b\n", "    def f():\n\treturn"),
        ("مرحبا بالعالم", "مرحبا بالعالم"),
        ("z" + "\u0336" * 3000, "z" + "\u0336" * 8),
    ],
)
def test_what_is_stored_of_what_is_typed(member_client, typed, stored):
    assert post(member_client, typed).status_code == 302
    assert Post.objects.get().content == stored


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Write something first."),
        (" \n\t ", "Write something first."),
        ("\u200b\u3164\u00ad", "Write something first."),
        ("x" * 501, "Take out 1."),
        ("x" * 520, "Take out 20."),
        ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦" * 400, "too long"),
        ("a" + "\u0301" * 100_000, "too long"),
        ("\u0301" * 100_000, "Write something first."),
        ("x" * 200_000, "too long"),
    ],
)
def test_what_is_refused_is_kept_and_the_reason_said(member_client, typed, words):
    response = post(member_client, typed)

    assert response.status_code == 200
    assert words in " ".join(response.context["form"].errors["content"])
    assert response.context["form"]["content"].value() == typed
    assert not Post.objects.exists()


def test_a_database_that_fails_is_a_page_that_keeps_the_text(member_client, caplog):
    with mock.patch.object(Post, "save", side_effect=DatabaseError("disk full")):
        response = post(member_client, "Do not lose me")

    assert response.status_code == 503
    assert "Do not lose me" in response.content.decode()
    assert "could not be stored" in response.content.decode()
    assert "disk full" in caplog.text


def test_posting_takes_a_member(client, db):
    assert post(client, "x").status_code == 403
    assert not Post.objects.exists()
    assert client.post(URL).url.startswith("/users/login/")
    assert client.get(URL).url.startswith("/users/login/")


def test_ones_own_post_is_deleted_after_a_question(member, member_client):
    own = PostFactory(author=member, content="Regret")
    path = f"/posts/{own.pk}/delete/"

    assert "Regret" in member_client.get(path).content.decode()
    assert Post.objects.exists()
    assert member_client.post(path).url == "/"
    assert not Post.objects.exists()
    assert member_client.get(path).status_code == 404


def test_a_second_click_on_delete_ends_where_the_first_does(member, member_client):
    path = f"/posts/{PostFactory(author=member).pk}/delete/"
    sent = {"proof": member_client.get(path).context["proof"]}

    assert [member_client.post(path, sent).url for _twice in range(2)] == ["/", "/"]
    assert [str(message) for message in member_client.get("/").context["messages"]] == ["Post deleted."]


def test_nobody_learns_from_deleting_which_posts_there_were(member, member_client):
    own, other = PostFactory(author=member), PostFactory()
    proof = member_client.get(f"/posts/{own.pk}/delete/").context["proof"]
    for gone in (False, True):
        answer = member_client.post(f"/posts/{other.pk}/delete/", {"proof": proof})
        assert answer.status_code == 404
        if not gone:
            other.delete()


@pytest.mark.parametrize("proof", [None, "", "x", "\x00"])
def test_without_the_proof_of_the_form_a_deleted_post_is_not_found(member, member_client, proof):
    own = PostFactory(author=member)
    path = f"/posts/{own.pk}/delete/"
    own.delete()

    assert member_client.post(path, {} if proof is None else {"proof": proof}).status_code == 404


def test_somebody_elses_post_cannot_be_deleted(member_client):
    other = PostFactory()

    assert member_client.get(f"/posts/{other.pk}/delete/").status_code == 404
    assert member_client.post(f"/posts/{other.pk}/delete/").status_code == 404
    assert Post.objects.exists()


def test_a_hidden_post_is_there_for_its_author_only(client, member, member_client):
    hidden = PostFactory(author=member, content="Hm")
    hidden.hide()

    assert "A moderator has hidden this post" in member_client.get(f"/posts/{hidden.pk}/").content.decode()
    assert client.get(f"/posts/{hidden.pk}/").status_code == 404
    for path in ("/", "/@ada/", "/explore/"):
        assert "Hm" not in [post.content for post in member_client.get(path).context["page"]]


@pytest.mark.django_db
def test_a_permalink_is_open_to_everyone(client):
    shown = PostFactory(content="Read <me>")

    text = client.get(f"/posts/{shown.pk}/").content.decode()
    assert "Read &lt;me&gt;" in text
    assert f'<article class="post" id="post-{shown.pk}">' in text
    assert f'href="/@{shown.author.username}/"' in text
    assert 'datetime="2024-' in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/posts/1/", f"/posts/{2**53}/", f"/posts/{'9' * 40}/", "/posts/x/", "/posts/-1/"]
)
def test_what_is_no_post_is_not_found(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.django_db
def test_posts_of_a_suspended_person_vanish_and_come_back(client):
    shown = PostFactory()
    paths = [f"/posts/{shown.pk}/", f"/@{shown.author.username}/"]

    shown.author.suspend()
    assert [client.get(path).status_code for path in paths] == [404, 404]
    assert list(client.get("/explore/").context["page"]) == []

    shown.author.reinstate()
    assert [client.get(path).status_code for path in paths] == [200, 200]
    assert list(client.get("/explore/").context["page"]) == [shown]


@pytest.mark.parametrize("blocker", ["member", "author"])
def test_with_a_block_neither_opens_the_others_posts(client, member, member_client, blocker):
    shown = PostFactory(content="not for you")
    author = shown.author
    member.block(author) if blocker == "member" else author.block(member)

    assert member_client.get(f"/posts/{shown.pk}/").status_code == 404
    profile = member_client.get(f"/@{author.username}/")
    assert profile.status_code == (200 if blocker == "member" else 404)
    assert "not for you" not in profile.content.decode()
    assert client.get(f"/posts/{shown.pk}/").status_code == 200


def test_the_profile_address_is_in_lower_case(client, db):
    UserFactory(username="ada")

    response = client.get("/@ADA/?before=7")
    assert (response.status_code, response.url) == (301, "/@ada/?before=7")
    assert client.get("/@nobody/").status_code == 404


@pytest.mark.parametrize("home_first", [False, True])
def test_a_text_that_waited_for_a_log_in_is_shown_to_nobody_else(member, client, home_first):
    other_client = Client()
    other_client.force_login(UserFactory())
    if home_first:
        other_client.get("/")
    client.post(URL, {"content": "between me and myself", "writer": sign_writer(member)})
    client.post("/users/login/", {"login": member.username, "password": PASSWORD})

    waiting = client.get(URL).content.decode()
    assert "between me and myself" in waiting
    assert "autofocus" in waiting
    for path in (URL, "/"):
        assert "between me" not in other_client.get(path).content.decode()
    assert "autofocus" not in other_client.get("/").content.decode()


def test_a_post_and_the_session_that_kept_its_text_are_stored_together(member):
    client = Client(raise_request_exception=False)
    post(client, "Written before the log-in")
    client.post("/users/login/", {"login": "ada", "password": PASSWORD, "next": URL})
    before = content()
    number, answer = 1, None
    while answer is None or answer.status_code != 302:
        database = Database(fail_at=number)
        with database.watched():
            answer = post(client, "Written before the log-in")
        if answer.status_code != 302:
            assert answer.status_code == 503
            assert "Written before the log-in" in answer.content.decode()
            assert content() == before
        number += 1
    assert Post.objects.count() == 1
