"""The form on the home page: with scripts, only what changes is sent; without, a refused text is shown on the same page."""

import re
from contextlib import nullcontext
from unittest import mock

import pytest
from django.db import DatabaseError

from accounts.tests.factories import PASSWORD, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory
from posts.tests.test_drafts import fields_on

URL = "/"
TOO_LONG = "x" * 501


def send(client, content="Hello", url=URL, viewer=None, **fields):
    """Send the form as the script does."""
    headers = {"HX-Request": "true"} | ({} if viewer is None else {"X-Viewer": str(viewer)})
    return client.post(url, fields | {"content": content}, headers=headers)


def test_the_script_gets_the_card_and_an_empty_form(member, member_client):
    fields = fields_on(member_client.get(URL))
    response = send(member_client, viewer=member.pk, **fields)

    post, text = Post.objects.get(), response.content.decode()
    assert response.status_code == 201
    assert response["Location"] == f"/#post-{post.pk}"
    assert "<html" not in text
    assert text.count("<article") == 1
    assert f'<div data-hx-swap-oob="afterbegin:#posts"><article class="post" id="post-{post.pk}">' in re.sub(
        r">\s+<", "><", text
    )
    assert f'href="/posts/{post.pk}/edit/"' in text
    assert fields_on(response)["submission"] != fields["submission"]
    assert ">\n</textarea>" in text
    assert '<p class="visually-hidden">Posted.</p>' in text


def test_the_script_says_so_itself_and_the_next_page_says_nothing(member_client):
    send(member_client)
    assert list(member_client.get(URL).context["messages"]) == []


def test_a_refused_text_comes_back_in_its_form_only(member_client):
    fields = fields_on(member_client.get(URL))
    response = send(member_client, TOO_LONG, **fields)

    text = response.content.decode()
    assert response.status_code == 200
    assert response["HX-Reswap"] == "outerHTML"
    assert "Remove 1." in text
    assert TOO_LONG in text
    assert "<article" not in text
    assert "autofocus" not in text
    assert fields_on(response)["submission"] == fields["submission"]


def test_a_limit_and_a_failure_also_come_back_in_the_form(member_client, settings):
    settings.POST_LIMIT = (1, 600)
    responses = [send(member_client, f"Text {number}") for number in range(2)]
    assert [response.status_code for response in responses] == [201, 429]
    assert responses[1]["Retry-After"] == "600"

    with mock.patch.object(Post, "save", side_effect=DatabaseError("disk full")):
        responses.append(send(member_client, "Text 2"))
    assert responses[2].status_code == 503
    for number in (1, 2):
        assert f"Text {number}" in responses[number].content.decode()
        assert responses[number]["HX-Reswap"]


def test_a_form_sent_twice_makes_one_post_and_gets_its_card_twice(member_client):
    fields = fields_on(member_client.get(URL))
    responses = [send(member_client, **fields) for _twice in range(2)]

    assert [response["Location"] for response in responses] == [f"/#post-{Post.objects.get().pk}"] * 2


def test_a_post_that_was_hidden_meanwhile_does_not_come_back(member_client):
    fields = fields_on(member_client.get(URL))
    send(member_client, **fields)
    Post.objects.get().hide()

    assert "<article" not in send(member_client, **fields).content.decode()


def test_after_the_session_the_script_leads_to_the_login_and_the_draft(member, member_client):
    fields = fields_on(member_client.get(URL))
    member_client.session.flush()
    response = send(member_client, "Do not lose me", viewer=member.pk, **fields)
    assert response["HX-Redirect"] == "/users/login/?next=/posts/add/"

    login = {"login": "ada", "password": PASSWORD}
    page = member_client.post(response["HX-Redirect"], login, follow=True).content.decode()
    assert "Do not lose me" in page
    assert re.search(
        r'<p class="draft-note">Draft restored. <a href="/posts/add/" data-discard>Discard</a>', page
    )
    again = member_client.get("/posts/add/").content.decode()
    assert '<p class="draft-note" data-draft-note hidden>' in again


def test_the_page_of_another_member_gets_no_part(member, member_client):
    fields = fields_on(member_client.get(URL))
    member_client.force_login(UserFactory(username="bob"))
    response = send(member_client, "Ada's secret", viewer=member.pk, **fields)

    assert (response.status_code, response.content) == (409, b"")
    assert "HX-Reswap" not in response
    assert not Post.objects.exists()
    # The script then sends the form as without scripts.
    assert "as @bob" in member_client.post(URL, fields | {"content": "Ada's secret"}).content.decode()


def test_without_scripts_a_refused_text_is_shown_above_the_timeline(member, member_client):
    fields = fields_on(member_client.get(URL))
    posts = [PostFactory(author=member) for _ in range(25)]
    response = member_client.post(URL, fields | {"content": TOO_LONG})

    text = response.content.decode()
    assert response.status_code == 200
    assert "Remove 1." in text
    assert TOO_LONG in text
    assert fields_on(response)["submission"] == fields["submission"]
    assert [post.pk for post in response.context["page"]] == [post.pk for post in posts[:4:-1]]
    assert text.index("</form>") < text.index(posts[-1].content)


def test_without_scripts_an_error_keeps_the_place_in_the_timeline(member, member_client):
    posts = [PostFactory(author=member) for _ in range(25)]
    path = f"/?before={posts[5].pk}"
    page = member_client.get(path).content.decode()
    assert f'action="{path}"' in page
    assert "data-hx-post" not in page.partition("</form>")[0].rpartition("<form")[2]

    response = member_client.post(path, {"content": ""})
    assert [post.pk for post in response.context["page"]] == [post.pk for post in posts[4::-1]]


def test_without_scripts_a_post_leads_to_the_top_of_the_page(member_client):
    response = member_client.post(URL, {"content": "Hello"}, follow=True)

    assert response.redirect_chain == [(f"/#post-{Post.objects.get().pk}", 302)]
    assert [str(message) for message in response.context["messages"]] == ["Posted."]


@pytest.mark.parametrize("status", [429, 503])
def test_without_scripts_a_limit_or_failure_keeps_the_page_and_its_status(
    member, member_client, settings, status
):
    PostFactory(author=member, content="Already here")
    settings.POST_LIMIT = (0, 600)
    failure = mock.patch.object(Post, "save", side_effect=DatabaseError("disk full"))
    with failure if status == 503 else nullcontext():
        response = member_client.post(URL, {"content": "Do not lose me"})

    assert response.status_code == status
    assert "Do not lose me" in response.content.decode()
    assert "Already here" in response.content.decode()
