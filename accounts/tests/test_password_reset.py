from unittest import mock

import pytest
from django.test import Client

from accounts.tests.factories import PASSWORD
from accounts.tests.mailing import link_in

NEW = "a longer new password"


def test_the_mailed_link_sets_a_new_password(client, member, run_jobs, mailoutbox):
    response = client.post("/users/password/reset/", {"email": "ada@example.org"})
    assert response.url == "/users/password/reset/done/"
    assert mailoutbox == []  # Nobody waits for the mail server.

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
def test_an_unknown_address_gets_the_same_answer(client, run_jobs):
    response = client.post("/users/password/reset/", {"email": "nobody@example.org"})

    assert response.url == "/users/password/reset/done/"
    assert run_jobs() == ["SUCCESSFUL"]  # A mail that says there is no account.


def test_a_new_password_and_the_mail_about_it_are_stored_together_or_not_at_all(member, run_jobs, mailoutbox):
    client = Client(raise_request_exception=False)
    client.force_login(member)
    data = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}

    with mock.patch("django_tasks_db.models.DBTaskResult.save", side_effect=RuntimeError):
        assert client.post("/users/password/change/", data).status_code == 500
    member.refresh_from_db()
    assert member.check_password(PASSWORD)

    client.post("/users/password/change/", data)
    member.refresh_from_db()
    assert member.check_password(NEW)
    run_jobs()
    assert [mail.subject for mail in mailoutbox] == ["Your password was changed"]
