"""A request is stored completely or not at all, whichever write fails, and the response says which."""

import re
import time
from unittest import mock

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client

from accounts.emails.models import Delivery
from accounts.jobs.models import Job
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.outcomes import Database, content

NEW = "a longer new password"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
GRACE = {"username": "grace", "email": "grace@example.org", "password1": PASSWORD}


@pytest.fixture(autouse=True)
def _no_limits(settings):
    """The tests send the same form many times."""
    settings.ACCOUNT_RATE_LIMITS = False
    # A form is sent again and again, which may take longer than the 30 seconds of a code.
    settings.MFA_TOTP_TOLERANCE = 20


def code_now(secret=SECRET):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def reauthenticated(client):
    client.post("/users/reauthenticate/?next=/users/", {"password": PASSWORD})
    return client


# Each function takes a client that is logged in as ada, and ada. It returns the client, a path and the data to post there.


def sign_up(client, member):
    return Client(), "/users/signup/", GRACE


def log_in(client, member):
    return Client(), "/users/login/", {"login": "ada", "password": PASSWORD}


def log_out(client, member):
    return client, "/users/logout/", {}


def change_password(client, member):
    data = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    return client, "/users/password/change/", data


def set_password(client, member):
    member.set_unusable_password()
    member.save()
    client.force_login(member)
    return client, "/users/password/set/", {"password1": NEW, "password2": NEW}


def reset_password(client, member):
    return Client(), "/users/password/reset/", {"email": member.email}


def reset_from_link(client, member):
    client = Client()
    client.post("/users/password/reset/", {"email": member.email})
    text = Job.objects.latest("enqueued_at").args_kwargs["args"][2]
    path = re.search(r"(/users/password/reset/key/\S+)", text)[1]
    return client, client.get(path).url, {"password1": NEW, "password2": NEW}


def reauthenticate(client, member):
    return client, "/users/reauthenticate/?next=/users/settings/", {"password": PASSWORD}


def ask_for_email(client, member):
    return reauthenticated(client), "/users/email/", {"action_add": "", "email": "new@example.org"}


def resume_asking_for_email(client, member):
    data = {"action_add": "", "email": "new@example.org"}
    return client, client.post("/users/email/", data).url, {"password": PASSWORD}


def mail_confirmation_again(client, member):
    EmailAddress.objects.create(user=member, email="new@example.org")
    return client, "/users/email/", {"action_send": "", "email": "new@example.org"}


def drop_email(client, member):
    EmailAddress.objects.create(user=member, email="new@example.org")
    return reauthenticated(client), "/users/email/", {"action_remove": "", "email": "new@example.org"}


def confirm_email(client, member):
    address = EmailAddress.objects.create(user=member, email="new@example.org")
    return client, f"/users/confirm-email/{EmailConfirmationHMAC(address).key}/", {}


def activate_totp(client, member):
    page = reauthenticated(client).get("/users/2fa/totp/activate/")
    return client, "/users/2fa/totp/activate/", {"code": code_now(page.context["form"].secret)}


def deactivate_totp(client, member):
    TOTP.activate(member, SECRET)
    return reauthenticated(client), "/users/2fa/totp/deactivate/", {}


def generate_recovery_codes(client, member):
    TOTP.activate(member, SECRET)
    return reauthenticated(client), "/users/2fa/recovery-codes/generate/", {}


def log_in_with_recovery_code(client, member):
    TOTP.activate(member, SECRET)
    code = RecoveryCodes.activate(member).get_unused_codes()[0]
    client = Client()
    client.post("/users/login/", {"login": "ada", "password": PASSWORD})
    return client, "/users/2fa/authenticate/", {"code": code}


def end_other_sessions(client, member):
    Client().post("/users/login/", {"login": "ada", "password": PASSWORD})
    return client, "/users/sessions/", {}


def end_one_session(client, member):
    Client().post("/users/login/", {"login": "ada", "password": PASSWORD})
    return client, f"/users/sessions/{UserSession.objects.latest('pk').pk}/end/", {}


def leave(client, member):
    return client, "/users/leave/", {"password": PASSWORD, "sure": "on"}


def change_profile(client, member):
    return client, "/users/settings/profile/", {"display_name": "Countess", "bio": "Hello"}


def choose_emails(client, member):
    return client, "/users/settings/emails/", {"new_follower": "never", "follower_statement": "weekly"}


def change_language(client, member):
    return client, "/users/settings/locale/", {"language": "en", "time_zone": "Asia/Tokyo"}


def follow(client, member):
    UserFactory(username="bob")
    return client, "/@bob/follow/", {}


def block(client, member):
    bob = UserFactory(username="bob")
    bob.follow(member)
    return client, "/@bob/block/", {}


FORMS = [
    sign_up,
    log_in,
    log_out,
    change_password,
    set_password,
    reset_password,
    reset_from_link,
    reauthenticate,
    ask_for_email,
    resume_asking_for_email,
    mail_confirmation_again,
    drop_email,
    confirm_email,
    activate_totp,
    deactivate_totp,
    generate_recovery_codes,
    log_in_with_recovery_code,
    end_other_sessions,
    end_one_session,
    leave,
    change_profile,
    choose_emails,
    change_language,
    follow,
    block,
]


def post(client, path, data, fail_at=None):
    """Post with a database that fails at the write with that number. Return the response and the number of writes."""
    client.raise_request_exception = False
    database = Database(fail_at)
    with database.watched():
        return client.post(path, data), database.writes


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_failed_request_stores_nothing_and_can_be_tried_again(form, member, member_client):
    client, path, data = form(member_client, member)
    before, cookies = content(), client.cookies.copy()
    number = 0
    while True:
        number += 1
        response, writes = post(client, path, data, fail_at=number)
        if writes < number:
            break
        assert response.status_code == 503, f"write {number} of {path}"
        assert content() == before, f"write {number} of {path}"
        # There is no message of success, and no new session.
        assert response.cookies.keys() <= {"csrftoken"}
        client.cookies = cookies.copy()
    # The last attempt succeeded, because it had fewer writes than the number.
    assert writes > 0
    assert response.status_code == 302
    assert content() != before


@pytest.mark.django_db
@pytest.mark.parametrize("verification", ["none", "optional", "mandatory"])
def test_a_failed_sign_up_keeps_the_typed_text_and_works_the_next_time(client, settings, verification):
    settings.ACCOUNT_EMAIL_VERIFICATION = verification
    other = GRACE | {"username": "other", "email": "other@example.org"}
    _answer, writes = post(Client(), "/users/signup/", other)
    before = content()
    for number in range(1, writes + 1):
        response, _writes = post(client, "/users/signup/", GRACE, fail_at=number)
        text = response.content.decode()
        assert response.status_code == 503
        assert "t create your account. Try again in a moment." in text
        assert 'value="grace"' in text
        assert 'value="grace@example.org"' in text
        assert PASSWORD not in text
        assert content() == before
    response, _writes = post(client, "/users/signup/", GRACE)
    assert response.status_code == 302
    assert User.objects.filter(username="grace").exists()
    assert Delivery.objects.filter(address="grace@example.org").count() == (verification != "none")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", [sign_up, log_in, change_password, leave], ids=lambda form: form.__name__)
def test_a_failed_commit_stores_nothing(form, member, member_client):
    client, path, data = form(member_client, member)
    client.raise_request_exception = False
    before = content()
    failing = mock.patch.object(
        connection, "_commit", side_effect=OperationalError("database or disk is full")
    )
    with failing:
        response = client.post(path, data)
    assert response.status_code == 503
    assert content() == before


@pytest.mark.django_db(transaction=True)
def test_an_error_after_the_commit_does_not_change_the_response(member, member_client, caplog):
    TOTP.activate(member, SECRET)
    client = reauthenticated(member_client)
    client.raise_request_exception = False
    # The library sends its signal about new codes after the commit. A periodic task makes up for the failure.
    with mock.patch("accounts.security.snapshots.notify_changes", side_effect=OperationalError("gone")):
        response = client.post("/users/2fa/recovery-codes/generate/")
    assert response.status_code == 302
    assert Authenticator.objects.filter(type=Authenticator.Type.RECOVERY_CODES).exists()
    assert "after the commit" in caplog.text


HASHING = [sign_up, log_in, change_password, set_password, reset_from_link, reauthenticate, leave]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_no_password_is_hashed_while_the_write_lock_is_held(form, member, member_client):
    client, path, data = form(member_client, member)
    locked = []

    original = MD5PasswordHasher.encode

    def watching(hasher, password, salt):
        locked.append(connection.in_atomic_block)
        return original(hasher, password, salt)

    with mock.patch.object(MD5PasswordHasher, "encode", watching):
        client.post(path, data)
    assert not any(locked)
    assert bool(locked) == (form in HASHING or form is resume_asking_for_email)


def test_the_second_of_two_equal_sign_ups_at_once_gets_an_error_message(member, member_client):
    client, path, data = ask_for_email(member_client, member)
    client.post(path, data)
    # Its form is validated before the first sign-up is stored.
    check = "allauth.account.forms.filter_users_by_email"
    with (
        mock.patch(check, side_effect=[[], [member]]),
        mock.patch.object(User, "pending_addresses", EmailAddress.objects.none),
    ):
        response = client.post(path, data)
    assert response.status_code == 200
    assert response.context["form"].errors["email"]
    assert EmailAddress.objects.get(email="new@example.org").user == member


@pytest.mark.django_db
def test_a_session_that_is_ended_meanwhile_is_not_a_server_error(member, member_client):
    def end_sessions(user, raw_password):
        Session.objects.all().delete()
        return True

    with mock.patch.object(User, "check_password", autospec=True, side_effect=end_sessions):
        response = member_client.post("/users/reauthenticate/", {"password": PASSWORD})

    assert response.status_code == 400
