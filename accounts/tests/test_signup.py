import re
import threading
from unittest import mock

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.passwords import advise
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.views import SignupView

URL = "/users/signup/"
GOOD = {"username": "grace", "email": "grace@example.org", "password1": PASSWORD}


def sign_up(client, **changes):
    return client.post(URL, GOOD | changes)


@pytest.mark.django_db
def test_a_new_member_is_logged_in_and_welcomed(client):
    response = sign_up(client)

    assert response.status_code == 302
    assert response.url == reverse("accounts:welcome")
    user = User.objects.get()
    assert client.session["_auth_user_id"] == str(user.pk)
    assert user.email == "grace@example.org"
    assert user.check_password(PASSWORD)
    assert EmailAddress.objects.get().email == "grace@example.org"


@pytest.mark.django_db
def test_usernames_and_addresses_are_stored_in_lower_case(client):
    sign_up(client, username="GrACE", email="Grace@Example.ORG")

    user = User.objects.get()
    assert (user.username, user.email) == ("grace", "grace@example.org")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("username", "gr", "at least 3"),
        ("username", "g" * 41, "up to 40"),
        ("username", "grace hopper", "Use only letters"),
        ("username", "gräce", "Use only letters"),
        ("username", "grace\x00", "a character that can"),
        ("username", "Admin", "reserved"),
        ("username", "TAKEN", "That name is taken"),
        ("username", "", "Choose a username."),
        ("email", "grace@", "valid email"),
        ("email", "g" * 250 + "@example.org", "up to 254"),
        ("email", "TAKEN@example.org", "already belongs to an account"),
        ("email", "", "Enter your email."),
        ("password1", "short1!", "at least 8"),
        ("password1", "password", "too common"),
        ("password1", "7295016384", "all digits"),
        ("password1", "", "Choose a password."),
    ],
)
def test_an_error_is_shown_next_to_its_field_and_nothing_is_stored(client, field, value, message):
    UserFactory(username="taken", email="taken@example.org")

    response = sign_up(client, **{field: value})

    assert response.status_code == 200
    form = response.context["form"]
    # The page with the error doesn't contain the password.
    again = {} if field == "password1" else {"password1": ["Enter your password again."]}
    assert form.errors == {field: form.errors[field]} | again
    assert message in " ".join(form.errors[field])
    assert f'id="id_{field}_error"' in response.content.decode()
    assert User.objects.count() == 1
    other = "email" if field == "username" else "username"
    assert form[other].value() == GOOD[other]
    assert PASSWORD not in response.content.decode()


@pytest.mark.django_db
def test_sign_up_does_not_redirect_to_another_site(client):
    assert sign_up(client, next="https://evil.example/").url == reverse("accounts:welcome")


@pytest.mark.django_db
def test_the_page_that_a_visitor_came_from_comes_before_the_welcome(client):
    assert sign_up(client, next="/@grace/").url == "/@grace/"


@pytest.mark.django_db
def test_where_addresses_must_be_confirmed_only_the_first_login_leads_to_the_welcome(client, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    assert sign_up(client).url == "/users/confirm-email/"
    EmailAddress.objects.update(verified=True)
    User.objects.update(email="grace@example.org")

    assert log_in().url == reverse("accounts:welcome")
    assert log_in().url == "/"
    User.objects.update(last_login=None)
    assert log_in(next="/explore/").url == "/explore/"


@pytest.mark.django_db
def test_where_addresses_need_not_be_confirmed_a_first_login_leads_home():
    UserFactory(username="grace")
    assert log_in().url == "/"


def log_in(**more):
    return Client().post("/users/login/", {"login": "grace", "password": PASSWORD} | more)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("Asia/Tokyo", "Asia/Tokyo"),
        ("Asia/Calcutta", "Asia/Kolkata"),  # Browsers still use the old name.
        ("Etc/GMT-3", "Etc/GMT-3"),
        # The site's own zone isn't stored, so that such members follow the site.
        ("UTC", ""),
        ("Etc/UTC", ""),
        # There are no such zones.
        ("Mars/Olympus", ""),
        ("../../etc/passwd", ""),
        ("Europe", ""),
        ("Europe/Berlin\x00", ""),
        ("Europe/Berlin" * 100_000, ""),
        ("", ""),
    ],
)
def test_the_time_zone_of_the_browser_is_stored_unless_it_is_unknown(client, sent, stored):
    assert sign_up(client, time_zone=sent).status_code == 302
    assert User.objects.get().time_zone == stored


@pytest.mark.django_db
def test_another_zone_of_the_site(client, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    sign_up(client, time_zone="Europe/Oslo")  # An alias, for which the settings show "Berlin".
    sign_up(Client(), username="ada", email="ada@example.org", time_zone="UTC")
    assert dict(User.objects.values_list("username", "time_zone")) == {"grace": "", "ada": "Etc/UTC"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/users/signup/", "/users/login/", "/users/password/reset/"])
def test_our_own_messages_appear_instead_of_the_browsers(client, path):
    assert forms_without_novalidate(client.get(path)) == []
    response = client.post(path, {})
    for name in response.context["form"].errors:
        assert f'id="id_{name}_error"' in response.content.decode()
        assert 'aria-invalid="true"' in str(response.context["form"][name])


@pytest.mark.parametrize(
    "path",
    [
        *("password/change", "email", "reauthenticate", "leave", "welcome", "2fa/webauthn/add"),
        *("settings/profile", "settings/emails", "settings/locale"),
    ],
)
def test_so_do_those_of_members(member_client, path):
    member_client.post("/users/reauthenticate/", {"password": PASSWORD})
    assert forms_without_novalidate(member_client.get(f"/users/{path}/")) == []


def forms_without_novalidate(response):
    """Return the tags of the forms with fields that people fill in."""
    tags = re.findall(r'<form [^>]*class="form"[^>]*>', response.content.decode())
    assert tags
    return [tag for tag in tags if " novalidate" not in tag]


CHECK = "/users/password/check/"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("password", "advice"),
    [
        ("", ""),
        (PASSWORD, ""),
        (
            "e\u0301" * 4,
            "too short. Use at least 8 characters.",
        ),  # Four characters in the form that is stored.
        ("password", "too common. Try three or four unrelated words."),
        ("7295016384", "all digits. Add letters, or try"),
        ("gracehopper1", "too much like your username. Try three or four"),
        ("x" * 5000, ""),
        ("\x00", "too short"),
    ],
)
def test_a_password_is_checked_while_it_is_typed(password, advice):
    visitor = Client(enforce_csrf_checks=True)
    token = visitor.get(URL).context["csrf_token"]
    data = {"password1": password, "username": "gracehopper", "csrfmiddlewaretoken": str(token)}
    response = visitor.post(CHECK, data)

    assert response.status_code == 200
    html = response.content.decode()
    assert advice in html
    assert html == "" or html.startswith('<ul class="errorlist" id="id_password1_error">')
    assert bool(html) == bool(advice)
    assert "no-store" in response["Cache-Control"]
    assert not User.objects.exists()


@pytest.mark.django_db
def test_the_check_says_the_same_as_the_form(client):
    for password in ("abc", "password", "1234", "grace@example.org"):
        data = GOOD | {"password1": password}
        form = client.post(URL, data).context["form"]
        assert client.post(CHECK, data).content.decode() == str(form["password1"].errors)


def test_a_members_new_password_is_compared_with_their_names(member_client):
    html = member_client.post(CHECK, {"password1": "ada@example", "username": "x"}).content.decode()
    assert "too much like your email" in html


@pytest.mark.django_db
def test_the_check_needs_a_token_and_is_limited(client, settings):
    assert Client(enforce_csrf_checks=True).post(CHECK, {"password1": "x"}).status_code == 403
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"check_password": "2/m/ip"}
    assert [client.post(CHECK, {"password1": "x"}).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.django_db
def test_a_password_that_is_checked_is_not_logged(client, caplog):
    caplog.set_level(0)
    with mock.patch("accounts.views.passwords.get_adapter", side_effect=RuntimeError("broken")):
        with pytest.raises(RuntimeError):
            client.post(CHECK, {"password1": "a secret that I typed"})
    client.post(CHECK, {"password1": "a secret that I typed"})
    assert "a secret" not in caplog.text


@pytest.mark.django_db
def test_the_password_field_is_tied_to_its_messages_and_sends_nothing_else(client):
    page = client.get(URL).content.decode()
    field = re.search(r"<input [^>]*id=\"id_password1\"[^>]*>", page)[0]
    assert 'aria-describedby="id_password1_helptext id_password1_errors"' in field
    assert '<div id="id_password1_errors" aria-live="polite"></div>' in page
    assert f'data-hx-post="{CHECK}"' in field
    assert 'data-hx-params="csrfmiddlewaretoken,username,email,password1"' in field


@pytest.mark.parametrize("code", ["password_too_short", "unknown"])
def test_the_messages_of_other_validators_stay(code):
    error = ValidationError([ValidationError("Ours %(x)s.", code=code, params={"x": 1})])
    assert advise(error).messages == ["Ours 1."]


@pytest.mark.django_db
def test_a_member_who_opens_the_page_is_redirected_home(member_client):
    assert member_client.get(URL).url == "/"
    assert member_client.get("/users/login/").url == "/"


@pytest.mark.django_db(transaction=True)
def test_one_of_two_equal_sign_ups_at_once_gets_the_name_and_the_other_an_error_message():
    # Both forms are validated before either is stored.
    both_checked = threading.Barrier(2, timeout=10)
    form_valid = SignupView.form_valid
    responses = []

    def store_together(self, form):
        both_checked.wait()
        return form_valid(self, form)

    def run():
        try:
            responses.append(sign_up(Client()))
        finally:
            connection.close()

    with mock.patch.object(SignupView, "form_valid", store_together):
        threads = [threading.Thread(target=run) for _ in range(2)]
        [thread.start() for thread in threads]
        [thread.join(timeout=30) for thread in threads]

    assert User.objects.count() == 1
    assert sorted(response.status_code for response in responses) == [200, 302]
    refused = next(response for response in responses if response.status_code == 200)
    assert "That name is taken. Try another." in refused.content.decode()


@pytest.mark.django_db
def test_the_username_of_someone_who_leaves_at_the_same_time_cannot_be_taken(client):
    form_valid = SignupView.form_valid

    def leave_first(self, form):
        UserFactory(username="grace", email=None).leave()
        return form_valid(self, form)

    with mock.patch.object(SignupView, "form_valid", leave_first):
        response = sign_up(client)

    assert "That name is taken. Try another." in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_if_the_database_fails_the_page_keeps_the_typed_text(client, caplog):
    with mock.patch.object(User, "save", side_effect=DatabaseError("disk full")):
        response = sign_up(client)

    assert response.status_code == 503
    text = response.content.decode()
    assert "t create your account" in text
    assert 'value="grace"' in text
    assert PASSWORD not in text
    assert "disk full" in caplog.text
