"""Error pages return the text that was submitted, in a form that can be sent again."""

import re
from unittest import mock
from urllib.parse import quote

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import OperationalError
from django.test import Client

from accounts.tests.factories import PASSWORD
from posts.drafts import sign_writer
from posts.models import Post

URL = "/posts/add/"
TEXT = "Do not <lose> me\n\nsecond"
SHOWN = "Do not &lt;lose&gt; me\n\nsecond</textarea>"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("bug"), 500),
        (OperationalError("gone"), 503),
        (PermissionDenied(), 403),
        (BadRequest(), 400),
    ],
)
def test_an_error_returns_the_text(member_client, error, status):
    member_client.raise_request_exception = False
    with mock.patch("posts.views.PostCreateView.get_form", side_effect=error):
        response = member_client.post(URL, {"content": TEXT})

    assert response.status_code == status
    assert SHOWN in response.content.decode()
    assert f'action="{URL}"' in response.content.decode()


def test_the_text_survives_a_database_that_is_down(client):
    client.raise_request_exception = False
    client.cookies["sessionid"] = "x" * 32
    gone = OperationalError("gone")
    with mock.patch("django.db.backends.base.base.BaseDatabaseWrapper.cursor", side_effect=gone):
        response = client.post(URL, {"content": TEXT})

    assert response.status_code == 503
    assert SHOWN in response.content.decode()


def test_a_missing_page_offers_a_new_post(member_client):
    text = member_client.post("/posts/1/edit/", {"content": TEXT}).content.decode()

    assert SHOWN in text
    assert f'action="{URL}"' in text


def send_again(client, response):
    """Send the form on the page, as a browser would."""
    hidden = dict(
        re.findall(r'name="(csrfmiddlewaretoken|writer)" value="([^"]*)"', response.content.decode())
    )
    return client.post(URL, hidden | {"content": TEXT})


@pytest.mark.parametrize("token", ["", "x" * 64])
def test_after_an_old_csrf_token_the_text_can_be_sent_again(member, token):
    client = Client(enforce_csrf_checks=True)
    client.force_login(member)

    response = client.post(URL, {"content": TEXT, "csrfmiddlewaretoken": token})
    assert response.status_code == 403
    assert SHOWN in response.content.decode()

    assert send_again(client, response).status_code == 302
    assert Post.objects.get().content == TEXT


def test_a_text_from_a_logged_out_tab_survives_the_login(member):
    client = Client(enforce_csrf_checks=True)
    response = send_again(client, client.post(URL, {"content": TEXT, "writer": sign_writer(member)}))
    assert response.url == f"/users/login/?next={URL}"

    client.handler.enforce_csrf_checks = False
    response = client.post(response.url, {"login": "ada", "password": PASSWORD}, follow=True)
    assert response.context["form"]["content"].value() == TEXT


def test_a_text_that_another_site_sent_is_not_returned(member):
    client = Client(enforce_csrf_checks=True)
    client.force_login(member)
    response = client.post(URL, {"content": TEXT}, headers={"Origin": "https://evil.example"})

    assert response.status_code == 403
    assert "lose" not in response.content.decode()


def test_the_start_of_a_text_that_is_too_long_is_returned(member, member_client):
    body = f"writer={quote(sign_writer(member))}&content={quote(TEXT)}+{'x' * 6_000_000}"
    response = member_client.post(URL, body, content_type="application/x-www-form-urlencoded")

    assert response.status_code == 413
    text = response.content.decode()
    assert "The beginning is below" in text
    assert "Do not &lt;lose&gt; me" in text
    assert f'name="writer" value="{sign_writer(member)}"' in text
    assert len(text) < 150_000


def test_an_unreadable_body_is_not_returned(member_client):
    data = "&".join(f"a{number}=1" for number in range(2000)) + "&content=x"
    response = member_client.post(URL, data, content_type="application/x-www-form-urlencoded")

    assert response.status_code == 400
    assert "textarea" not in response.content.decode()


def test_passwords_are_never_returned(member):
    client = Client(enforce_csrf_checks=True)
    response = client.post("/users/login/", {"login": "ada", "password": "secret words"})

    assert response.status_code == 403
    assert "secret words" not in response.content.decode()
    assert "textarea" not in response.content.decode()


def test_a_get_request_gets_no_form(client, db):
    assert "textarea" not in client.get("/nope/?content=x").content.decode()
