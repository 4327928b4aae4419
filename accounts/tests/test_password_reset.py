from unittest import mock

import pytest
from django.test import Client

from accounts.tests.email_helpers import link_in
from accounts.tests.factories import PASSWORD

NEW = "a longer new password"


def test_the_emailed_link_sets_a_new_password(client, member, run_jobs, mailoutbox):
    response = client.post("/users/password/reset/", {"email": "ada@example.org"})
    assert response.url == "/users/password/reset/done/"
    assert mailoutbox == []  # The request doesn't wait for the mail server.

    run_jobs()
    (mail,) = mailoutbox
    assert mail.to == ["ada@example.org"]
    link = link_in(mail)
    form_url = client.get(link).url
    response = client.post(form_url, {"password1": NEW, "password2": NEW})

    assert response.status_code == 302
    member.refresh_from_db()
    assert member.check_password(NEW)
    assert not member.check_password(PASSWORD)


@pytest.mark.django_db
def test_an_unknown_address_gets_the_same_response(client, run_jobs):
    response = client.post("/users/password/reset/", {"email": "nobody@example.org"})

    assert response.url == "/users/password/reset/done/"
    assert run_jobs() == ["SUCCESSFUL"]  # An email says that there is no account.


def test_a_new_password_and_the_email_about_it_are_stored_together_or_not_at_all(
    member, run_jobs, mailoutbox
):
    client = Client(raise_request_exception=False)
    client.force_login(member)
    data = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}

    with mock.patch("accounts.jobs.models.Job.save", side_effect=RuntimeError):
        assert client.post("/users/password/change/", data).status_code == 500
    member.refresh_from_db()
    assert member.check_password(PASSWORD)

    client.post("/users/password/change/", data)
    member.refresh_from_db()
    assert member.check_password(NEW)
    run_jobs()
    assert [mail.subject for mail in mailoutbox] == ["Your password was changed"]
