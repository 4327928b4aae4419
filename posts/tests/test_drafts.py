"""A text that is sent after the session has ended is a draft. Its writer gets it back, and nobody else sees it."""

import re

import pytest

from accounts.announcements.models import Announcement
from accounts.tests.factories import PASSWORD, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory

URL = "/posts/add/"
TEXT = "Ada's <secret>"


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


def fields_on(page):
    """Return the hidden fields of the post form, as a browser would send them."""
    form = page.content.decode().partition('class="compose"')[2].partition("</form>")[0]
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    return dict(hidden)


def end_session(client):
    """End the session on the server. The browser doesn't know this yet."""
    client.session.flush()


def log_in(client, username, url="/users/login/", **kwargs):
    return client.post(url, {"login": username, "password": PASSWORD}, **kwargs)


def text_in_form(response):
    return response.context["form"]["content"].value()


def send_late(client, page="/", to=URL, text=TEXT):
    """Open a page, end the session, send the form of the page, and return the response."""
    fields = fields_on(client.get(page))
    end_session(client)
    return client.post(to, fields | {"content": text})


@pytest.mark.parametrize("path", ["/", URL])
def test_a_draft_is_kept_for_its_writer(member_client, path):
    response = send_late(member_client, path)
    assert response.url == f"/users/login/?next={URL}"

    response = log_in(member_client, "ada", response.url, follow=True)
    assert text_in_form(response) == TEXT
    assert text_in_form(member_client.get(URL)) == ""


@pytest.mark.parametrize("path", ["/", URL])
def test_nobody_else_gets_the_draft(member_client, bob, path):
    response = send_late(member_client, path)
    response = log_in(member_client, "bob", response.url, follow=True)

    assert response.context["user"] == bob
    assert "secret" not in response.content.decode()
    assert "secret" not in member_client.get(URL).content.decode()
    assert "secret" not in str(dict(member_client.session))


def test_an_edit_is_kept_for_its_writer(member, member_client):
    path = f"/posts/{publish(member).pk}/edit/"
    send_late(member_client, path, path)
    log_in(member_client, "ada")

    assert text_in_form(member_client.get(URL)) == ""
    assert text_in_form(member_client.get(path)) == TEXT
    assert text_in_form(member_client.get(path)) == "First"


def test_a_draft_is_kept_until_its_writer_accepts_the_new_rules(member_client):
    fields = fields_on(member_client.get("/"))
    rules = Announcement.objects.create(text="New rules", new_rules=True)
    response = member_client.post("/", fields | {"content": TEXT})
    assert response.url == "/users/rules/?next=%2Fposts%2Fadd%2F"

    accepted = {"announcement": rules.pk, "next": URL}
    assert text_in_form(member_client.post("/users/rules/", accepted, follow=True)) == TEXT
    assert not Post.objects.exists()


def publish(author):
    post = Post(author=author, content="First")
    post.publish()
    return post


def test_each_window_gets_its_own_text_back(member, member_client):
    path = f"/posts/{publish(member).pk}/edit/"
    new, edit = fields_on(member_client.get(URL)), fields_on(member_client.get(path))
    end_session(member_client)
    member_client.post(URL, new | {"content": "new"})
    member_client.post(path, edit | {"content": "edited"})
    log_in(member_client, "ada")

    assert text_in_form(member_client.get(URL)) == "new"
    assert text_in_form(member_client.get(path)) == "edited"


def test_a_session_keeps_only_a_few_drafts(member_client):
    fields = fields_on(member_client.get(URL))
    end_session(member_client)
    for number in range(8):
        member_client.post(URL, fields | {"content": f"text {number}"})
    log_in(member_client, "ada")

    texts = [text_in_form(member_client.get(URL)) for _page in range(6)]
    assert texts == [f"text {number}" for number in (7, 6, 5, 4, 3)] + [""]


def test_a_draft_survives_another_post(member_client):
    send_late(member_client)
    log_in(member_client, "ada")
    member_client.post(URL, {"content": "another"})

    assert text_in_form(member_client.get(URL)) == TEXT


@pytest.mark.parametrize("writer", [None, "", "1", "1:forged", "\x00"])
def test_a_text_without_a_writer_is_shown_at_once_and_not_saved(client, member, writer):
    response = client.post(URL, {"content": TEXT} | ({} if writer is None else {"writer": writer}))

    assert response.status_code == 403
    assert "Ada&#x27;s &lt;secret&gt;</textarea>" in response.content.decode()
    assert "You're logged out" in response.content.decode()
    assert "secret" not in log_in(client, "ada", f"/users/login/?next={URL}", follow=True).content.decode()


def test_the_form_on_an_error_page_keeps_the_writer(member_client, bob):
    """Without its CSRF token the form is refused. The error page has the text in its own form."""
    fields = fields_on(member_client.get("/"))
    member_client.handler.enforce_csrf_checks = True
    refused = member_client.post(URL, fields | {"content": TEXT, "csrfmiddlewaretoken": ""})
    assert refused.status_code == 403
    assert fields_on(refused)["writer"] == fields["writer"]

    end_session(member_client)
    member_client.post(URL, fields_on(refused) | {"content": TEXT})
    member_client.handler.enforce_csrf_checks = False
    assert (
        "secret"
        not in log_in(member_client, "bob", f"/users/login/?next={URL}", follow=True).content.decode()
    )


@pytest.mark.parametrize("text", [TEXT, "x" * 501])
def test_the_open_window_of_another_member_does_not_publish_at_once(member_client, bob, text):
    fields = fields_on(member_client.get("/"))
    log_out_and_in(member_client, bob)
    refused = member_client.post(URL, fields | {"content": text})

    assert refused.status_code == 200
    assert "another account" in refused.content.decode()
    assert "@bob" in refused.content.decode()
    assert text_in_form(refused) == text
    assert not Post.objects.exists()


def test_the_open_window_of_another_member_publishes_after_a_confirmation(member_client, bob):
    fields = fields_on(member_client.get("/"))
    log_out_and_in(member_client, bob)
    refused = member_client.post(URL, fields | {"content": TEXT})

    assert member_client.post(URL, fields_on(refused) | {"content": TEXT}).status_code == 302
    assert Post.objects.get().author == bob


def log_out_and_in(client, user):
    client.logout()
    client.force_login(user)


def test_the_writer_field_is_not_cached(member_client, client, bob):
    """Other parts of the form are cached for everyone."""
    client.force_login(bob)
    fields = [fields_on(each.get("/"))["writer"].partition(":")[0] for each in (member_client, client) * 2]

    assert fields == [str(user.pk) for user in (member_client.get("/").context["user"], bob)] * 2


def test_another_members_post_cannot_be_edited(member, member_client, bob):
    """The error page offers the text for a new post by the member who is logged in now."""
    path = f"/posts/{PostFactory(author=member).pk}/edit/"
    fields = fields_on(member_client.get("/"))
    log_out_and_in(member_client, bob)
    missing = member_client.post(path, fields | {"content": TEXT})

    assert missing.status_code == 404
    again = member_client.post(URL, fields_on(missing) | {"content": TEXT})
    assert "another account" in again.content.decode()
