from unittest import mock

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.outcomes import Database, content
from posts.drafts import sign_writer
from posts.models import Post
from posts.tests.factories import PostFactory

URL = "/posts/add/"


def post(client, content):
    return client.post(URL, {"content": content})


def test_a_post_is_published_and_shown_on_the_home_page(member, member_client):
    response = post(member_client, "Hello, world")

    stored = Post.objects.get()
    assert response.url == f"/#post-{stored.pk}"
    assert (stored.author, stored.content) == (member, "Hello, world")
    assert "Hello, world" in member_client.get("/").content.decode()


@pytest.mark.parametrize(
    ("submitted", "stored"),
    [
        ("x" * 500, "x" * 500),
        ("👨‍👩‍👧‍👦" * 500, "👨‍👩‍👧‍👦" * 500),
        ("  a\r\nb\x00\u202e  ", "  a\nb"),
        (" \n\u3164\n    def f():\n\treturn\n\u200b\n", "    def f():\n\treturn"),
        ("مرحبا بالعالم", "مرحبا بالعالم"),
        ("z" + "\u0336" * 3000, "z" + "\u0336" * 8),
    ],
)
def test_texts_are_cleaned_before_they_are_stored(member_client, submitted, stored):
    assert post(member_client, submitted).status_code == 302
    assert Post.objects.get().content == stored


@pytest.mark.parametrize(
    ("submitted", "error"),
    [
        ("", "Write something first."),
        (" \n\t ", "Write something first."),
        ("\u200b\u3164\u00ad", "Write something first."),
        ("x" * 501, "Remove 1."),
        ("x" * 520, "Remove 20."),
        ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦" * 400, "too long"),
        ("a" + "\u0301" * 100_000, "too long"),
        ("\u0301" * 100_000, "Write something first."),
        ("x" * 200_000, "too long"),
    ],
)
def test_a_refused_text_is_shown_again_with_the_reason(member_client, submitted, error):
    response = post(member_client, submitted)

    assert response.status_code == 200
    assert error in " ".join(response.context["form"].errors["content"])
    assert response.context["form"]["content"].value() == submitted
    assert not Post.objects.exists()


def test_if_the_database_fails_the_page_shows_the_text(member_client, caplog):
    with mock.patch.object(Post, "save", side_effect=DatabaseError("disk full")):
        response = post(member_client, "Do not lose me")

    assert response.status_code == 503
    assert "Do not lose me" in response.content.decode()
    assert "Your text is still here." in response.content.decode()
    assert "disk full" in caplog.text


def test_the_release_before_can_publish_while_both_run(member):
    columns = "id, author_id, content, created_on"
    with connection.cursor() as cursor:
        sql = f"INSERT INTO posts_post ({columns}) VALUES (1000, %s, 'x', %s)"  # noqa: S608
        cursor.execute(sql, [member.pk, timezone.now()])
    stored = Post.objects.get()
    assert (stored.language, stored.reply_policy) == ("", "everyone")


def test_only_members_can_post(client, db):
    assert post(client, "x").status_code == 403
    assert not Post.objects.exists()
    assert client.post(URL).url.startswith("/users/login/")
    assert client.get(URL).url.startswith("/users/login/")


def test_a_member_deletes_a_post_after_a_question(member, member_client):
    own = PostFactory(author=member, content="Regret")
    path = f"/posts/{own.pk}/delete/"

    assert "Regret" in member_client.get(path).content.decode()
    assert Post.objects.exists()
    assert member_client.post(path).url == "/"
    assert not Post.objects.exists()
    assert member_client.get(path).status_code == 404


def test_a_second_click_on_delete_has_the_same_result(member, member_client):
    path = f"/posts/{PostFactory(author=member).pk}/delete/"
    data = {"proof": member_client.get(path).context["proof"]}

    assert [member_client.post(path, data).url for _twice in range(2)] == ["/", "/"]
    assert [str(message) for message in member_client.get("/").context["messages"]] == ["Post deleted."]


def test_the_delete_page_does_not_reveal_whether_a_post_existed(member, member_client):
    own, other = PostFactory(author=member), PostFactory()
    proof = member_client.get(f"/posts/{own.pk}/delete/").context["proof"]
    for gone in (False, True):
        response = member_client.post(f"/posts/{other.pk}/delete/", {"proof": proof})
        assert response.status_code == 404
        if not gone:
            other.delete()


@pytest.mark.parametrize("proof", [None, "", "x", "\x00"])
def test_without_the_proof_a_deleted_post_is_not_found(member, member_client, proof):
    own = PostFactory(author=member)
    path = f"/posts/{own.pk}/delete/"
    own.delete()

    assert member_client.post(path, {} if proof is None else {"proof": proof}).status_code == 404


def test_another_members_post_cannot_be_deleted(member_client):
    other = PostFactory()

    assert member_client.get(f"/posts/{other.pk}/delete/").status_code == 404
    assert member_client.post(f"/posts/{other.pk}/delete/").status_code == 404
    assert Post.objects.exists()


def test_only_the_author_can_open_a_hidden_post(client, member, member_client):
    hidden = PostFactory(author=member, content="Hm")
    hidden.hide()

    assert "A moderator has hidden this post" in member_client.get(f"/posts/{hidden.pk}/").content.decode()
    assert client.get(f"/posts/{hidden.pk}/").status_code == 404
    for path in ("/", "/@ada/", "/explore/"):
        assert "Hm" not in [post.content for post in member_client.get(path).context["page"]]


@pytest.mark.django_db
def test_a_permalink_is_open_to_everyone(client):
    visible = PostFactory(content="Read <me>")

    text = client.get(f"/posts/{visible.pk}/").content.decode()
    assert "Read &lt;me&gt;" in text
    assert f'<article class="post" id="post-{visible.pk}">' in text
    assert f'href="/@{visible.author.username}/"' in text
    assert 'datetime="2024-' in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/posts/1/", f"/posts/{2**53}/", f"/posts/{'9' * 40}/", "/posts/x/", "/posts/-1/"]
)
def test_an_invalid_post_id_is_not_found(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.django_db
def test_posts_of_a_suspended_person_are_hidden_until_they_are_reinstated(client):
    visible = PostFactory()
    paths = [f"/posts/{visible.pk}/", f"/@{visible.author.username}/"]

    visible.author.suspend()
    assert [client.get(path).status_code for path in paths] == [404, 404]
    assert list(client.get("/explore/").context["page"]) == []

    visible.author.reinstate()
    assert [client.get(path).status_code for path in paths] == [200, 200]
    assert list(client.get("/explore/").context["page"]) == [visible]


@pytest.mark.parametrize("blocker", ["member", "author"])
def test_after_a_block_neither_can_open_the_others_posts(client, member, member_client, blocker):
    visible = PostFactory(content="not for you")
    author = visible.author
    member.block(author) if blocker == "member" else author.block(member)

    assert member_client.get(f"/posts/{visible.pk}/").status_code == 404
    profile = member_client.get(f"/@{author.username}/")
    assert profile.status_code == (200 if blocker == "member" else 404)
    assert "not for you" not in profile.content.decode()
    assert client.get(f"/posts/{visible.pk}/").status_code == 200


def test_the_profile_address_is_redirected_to_lower_case(client, db):
    UserFactory(username="ada")

    response = client.get("/@ADA/?before=7")
    assert (response.status_code, response.url) == (301, "/@ada/?before=7")
    assert client.get("/@nobody/").status_code == 404


@pytest.mark.parametrize("home_first", [False, True])
def test_nobody_else_sees_a_text_that_was_saved_until_the_login(member, client, home_first):
    other_client = Client()
    other_client.force_login(UserFactory())
    if home_first:
        other_client.get("/")
    client.post(URL, {"content": "between me and myself", "writer": sign_writer(member)})
    client.post("/users/login/", {"login": member.username, "password": PASSWORD})

    page = client.get(URL).content.decode()
    assert "between me and myself" in page
    assert "autofocus" in page
    for path in (URL, "/"):
        assert "between me" not in other_client.get(path).content.decode()
    assert "autofocus" not in other_client.get("/").content.decode()


def test_a_post_is_stored_together_with_the_session_that_had_its_draft(member):
    client = Client(raise_request_exception=False)
    post(client, "Written before the login")
    client.post("/users/login/", {"login": "ada", "password": PASSWORD, "next": URL})
    before = content()
    number, response = 1, None
    while response is None or response.status_code != 302:
        database = Database(fail_at=number)
        with database.watched():
            response = post(client, "Written before the login")
        if response.status_code != 302:
            assert response.status_code == 503
            assert "Written before the login" in response.content.decode()
            assert content() == before
        number += 1
    assert Post.objects.count() == 1
