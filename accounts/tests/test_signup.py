import threading
from unittest import mock

import pytest
from allauth.account.models import EmailAddress
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.views import SignupView

URL = "/users/signup/"
GOOD = {"username": "grace", "email": "grace@example.org", "password1": PASSWORD}


def sign_up(client, **changes):
    return client.post(URL, GOOD | changes)


@pytest.mark.django_db
def test_a_new_member_is_logged_in_and_led_to_people(client):
    response = sign_up(client)

    assert response.status_code == 302
    assert response.url == reverse("accounts:index")
    user = User.objects.get()
    assert client.session["_auth_user_id"] == str(user.pk)
    assert user.email == "grace@example.org"
    assert user.check_password(PASSWORD)
    assert EmailAddress.objects.get().email == "grace@example.org"


@pytest.mark.django_db
def test_names_and_addresses_are_kept_in_lower_case(client):
    sign_up(client, username="GrACE", email="Grace@Example.ORG")

    user = User.objects.get()
    assert (user.username, user.email) == ("grace", "grace@example.org")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("username", "gr", "at least 3"),
        ("username", "g" * 41, "at most 40"),
        ("username", "grace hopper", "Use only letters"),
        ("username", "gräce", "Use only letters"),
        ("username", "grace\x00", "Null characters"),
        ("username", "Admin", "reserved"),
        ("username", "TAKEN", "That name is taken"),
        ("username", "", "required"),
        ("email", "grace@", "valid email"),
        ("email", "g" * 250 + "@example.org", "at most 254"),
        ("email", "TAKEN@example.org", "already belongs to an account"),
        ("email", "", "required"),
        ("password1", "short1!", "at least 8"),
        ("password1", "password", "too common"),
        ("password1", "7295016384", "entirely numeric"),
        ("password1", "", "required"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_stored(client, field, value, words):
    UserFactory(username="taken", email="taken@example.org")

    response = sign_up(client, **{field: value})

    assert response.status_code == 200
    form = response.context["form"]
    assert list(form.errors) == [field]
    assert words in " ".join(form.errors[field])
    assert f'id="id_{field}_error"' in response.content.decode()
    assert User.objects.count() == 1
    kept = "email" if field == "username" else "username"
    assert form[kept].value() == GOOD[kept]
    assert PASSWORD not in response.content.decode()


@pytest.mark.django_db
def test_the_address_to_go_on_to_may_not_be_on_another_site(client):
    assert sign_up(client, next="https://evil.example/").url == reverse("accounts:index")


@pytest.mark.django_db
def test_a_member_who_opens_it_is_led_home(member_client):
    assert member_client.get(URL).url == "/"
    assert member_client.get("/users/login/").url == "/"


@pytest.mark.django_db(transaction=True)
def test_of_two_equal_sign_ups_at_once_one_gets_the_name_and_the_other_is_told():
    # Both pass the form's checks before either is stored.
    both_checked = threading.Barrier(2, timeout=10)
    form_valid = SignupView.form_valid
    answers = []

    def store_together(self, form):
        both_checked.wait()
        return form_valid(self, form)

    def run():
        try:
            answers.append(sign_up(Client()))
        finally:
            connection.close()

    with mock.patch.object(SignupView, "form_valid", store_together):
        threads = [threading.Thread(target=run) for _ in range(2)]
        [thread.start() for thread in threads]
        [thread.join(timeout=30) for thread in threads]

    assert User.objects.count() == 1
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    refused = next(answer for answer in answers if answer.status_code == 200)
    assert "That name is taken. Try another." in refused.content.decode()


@pytest.mark.django_db
def test_the_name_of_somebody_who_leaves_in_this_moment_is_not_taken_over(client):
    form_valid = SignupView.form_valid

    def leave_first(self, form):
        UserFactory(username="grace", email=None).leave()
        return form_valid(self, form)

    with mock.patch.object(SignupView, "form_valid", leave_first):
        response = sign_up(client)

    assert "That name is taken. Try another." in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_database_that_fails_is_a_page_that_keeps_what_was_typed(client, caplog):
    with mock.patch.object(User, "save", side_effect=DatabaseError("disk full")):
        response = sign_up(client)

    assert response.status_code == 503
    text = response.content.decode()
    assert "could not be stored" in text
    assert 'value="grace"' in text
    assert PASSWORD not in text
    assert "disk full" in caplog.text
