"""A text that is sent after the session has ended comes back to its writer, and to nobody else."""

import re

import pytest

from accounts.tests.factories import PASSWORD, UserFactory
from posts.models import Post
from posts.tests.factories import PostFactory

URL = "/posts/add/"
TEXT = "Ada's <secret>"


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


def form_on(page):
    """The hidden fields of the form for a text, as a browser would send them."""
    form = page.content.decode().partition('class="compose"')[2].partition("</form>")[0]
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    return dict(hidden)


def end_session(client):
    """The server forgets the session, the browser doesn't know it yet."""
    client.session.flush()


def log_in(client, username, url="/users/login/", **kwargs):
    return client.post(url, {"login": username, "password": PASSWORD}, **kwargs)


def shown(response):
    return response.context["form"]["content"].value()


def send_late(client, page="/", to=URL, text=TEXT):
    """Open a page, wait until the session has ended, then send its form. Returns the answer."""
    fields = form_on(client.get(page))
    end_session(client)
    return client.post(to, fields | {"content": text})


@pytest.mark.parametrize("path", ["/", URL])
def test_it_waits_for_its_writer(member_client, path):
    response = send_late(member_client, path)
    assert response.url == f"/users/login/?next={URL}"

    response = log_in(member_client, "ada", response.url, follow=True)
    assert shown(response) == TEXT
    assert shown(member_client.get(URL)) == ""


@pytest.mark.parametrize("path", ["/", URL])
def test_nobody_else_gets_it(member_client, bob, path):
    response = send_late(member_client, path)
    response = log_in(member_client, "bob", response.url, follow=True)

    assert response.context["user"] == bob
    assert "secret" not in response.content.decode()
    assert "secret" not in member_client.get(URL).content.decode()
    assert "secret" not in str(dict(member_client.session))


def test_an_edit_waits_for_its_writer(member, member_client):
    path = f"/posts/{publish(member).pk}/edit/"
    send_late(member_client, path, path)
    log_in(member_client, "ada")

    assert shown(member_client.get(URL)) == ""
    assert shown(member_client.get(path)) == TEXT
    assert shown(member_client.get(path)) == "First"


def publish(author):
    post = Post(author=author, content="First")
    post.publish()
    return post


def test_each_of_several_windows_gets_its_text_back(member, member_client):
    path = f"/posts/{publish(member).pk}/edit/"
    new, edit = form_on(member_client.get(URL)), form_on(member_client.get(path))
    end_session(member_client)
    member_client.post(URL, new | {"content": "new"})
    member_client.post(path, edit | {"content": "edited"})
    log_in(member_client, "ada")

    assert shown(member_client.get(URL)) == "new"
    assert shown(member_client.get(path)) == "edited"


def test_a_session_keeps_a_few_texts_only(member_client):
    fields = form_on(member_client.get(URL))
    end_session(member_client)
    for number in range(8):
        member_client.post(URL, fields | {"content": f"text {number}"})
    log_in(member_client, "ada")

    found = [shown(member_client.get(URL)) for _page in range(6)]
    assert found == [f"text {number}" for number in (7, 6, 5, 4, 3)] + [""]


def test_posting_meanwhile_does_not_lose_it(member_client):
    send_late(member_client)
    log_in(member_client, "ada")
    member_client.post(URL, {"content": "another"})

    assert shown(member_client.get(URL)) == TEXT


@pytest.mark.parametrize("writer", [None, "", "1", "1:forged", "\x00"])
def test_a_text_that_names_no_writer_is_given_back_at_once_and_not_kept(client, member, writer):
    response = client.post(URL, {"content": TEXT} | ({} if writer is None else {"writer": writer}))

    assert response.status_code == 403
    assert "Ada&#x27;s &lt;secret&gt;</textarea>" in response.content.decode()
    assert "You're logged out" in response.content.decode()
    assert "secret" not in log_in(client, "ada", f"/users/login/?next={URL}", follow=True).content.decode()


def test_the_form_of_an_error_page_still_knows_its_writer(member_client, bob):
    """Without its token the form is refused, with a page that has the text in a form of its own."""
    fields = form_on(member_client.get("/"))
    member_client.handler.enforce_csrf_checks = True
    refused = member_client.post(URL, fields | {"content": TEXT, "csrfmiddlewaretoken": ""})
    assert refused.status_code == 403
    assert form_on(refused)["writer"] == fields["writer"]

    end_session(member_client)
    member_client.post(URL, form_on(refused) | {"content": TEXT})
    member_client.handler.enforce_csrf_checks = False
    assert (
        "secret"
        not in log_in(member_client, "bob", f"/users/login/?next={URL}", follow=True).content.decode()
    )


@pytest.mark.parametrize("text", [TEXT, "x" * 501])
def test_the_window_of_another_member_publishes_nothing_by_accident(member_client, bob, text):
    fields = form_on(member_client.get("/"))
    log_out_and_in(member_client, bob)
    refused = member_client.post(URL, fields | {"content": text})

    assert refused.status_code == 200
    assert "another account" in refused.content.decode()
    assert "@bob" in refused.content.decode()
    assert shown(refused) == text
    assert not Post.objects.exists()


def test_but_does_if_they_send_it_again(member_client, bob):
    fields = form_on(member_client.get("/"))
    log_out_and_in(member_client, bob)
    refused = member_client.post(URL, fields | {"content": TEXT})

    assert member_client.post(URL, form_on(refused) | {"content": TEXT}).status_code == 302
    assert Post.objects.get().author == bob


def log_out_and_in(client, user):
    client.logout()
    client.force_login(user)


def test_the_kept_frame_of_home_holds_nobodys_field(member_client, client, bob):
    """Parts of the page are cached for everyone; this one must not be."""
    client.force_login(bob)
    fields = [form_on(each.get("/"))["writer"].partition(":")[0] for each in (member_client, client) * 2]

    assert fields == [str(user.pk) for user in (member_client.get("/").context["user"], bob)] * 2


def test_the_edit_of_anothers_post_is_not_there(member, member_client, bob):
    """Its text is given back for a new post, as whoever is logged in now."""
    path = f"/posts/{PostFactory(author=member).pk}/edit/"
    fields = form_on(member_client.get("/"))
    log_out_and_in(member_client, bob)
    missing = member_client.post(path, fields | {"content": TEXT})

    assert missing.status_code == 404
    again = member_client.post(URL, form_on(missing) | {"content": TEXT})
    assert "another account" in again.content.decode()
