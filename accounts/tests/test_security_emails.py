"""The owner of an account gets one email about each change to how they log in, even if a process dies in between."""

import re
import time
from unittest import mock

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.test import Client

from accounts.emails import rendering
from accounts.models import User
from accounts.security import devices, snapshots, tasks
from accounts.security.models import AccountSnapshot
from accounts.tests.factories import PASSWORD, UserFactory

NEW = "a longer new password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def new_subjects(run_jobs, mailoutbox):
    """Returns a function that compares accounts, sends emails, and returns the subjects of those sent since its last call."""

    def new_subjects():
        tasks.reconcile_accounts.func()
        run_jobs()
        subjects = [mail.subject for mail in mailoutbox]
        mailoutbox.clear()
        return subjects

    return new_subjects


def log_in(client, **headers):
    return client.post("/users/login/", {"login": "ada", "password": PASSWORD}, headers=headers)


def test_a_new_password_sends_one_email_that_says_where_the_change_came_from(
    member, run_jobs, mailoutbox, new_subjects
):
    client = Client()
    client.force_login(member)
    data = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/users/password/change/", data, headers={"user-agent": FIREFOX})
    run_jobs()

    (mail,) = mailoutbox
    assert mail.subject == "Your password was changed"
    for text in ("@ada", "127.0.0.1", "Firefox, Linux", "http://localhost:8000/users/password/reset/"):
        assert text in mail.body
        assert text in mail.alternatives[0][0]
    assert "List-Unsubscribe" not in mail.extra_headers
    mailoutbox.clear()
    assert new_subjects() == []


@pytest.mark.parametrize("setting", [True, False])
def test_allauths_own_setting_neither_adds_nor_removes_an_email(member, new_subjects, settings, setting):
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = setting
    client = Client()
    client.force_login(member)
    data = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/users/password/change/", data)
    assert new_subjects() == ["Your password was changed"]


def test_the_owner_is_notified_of_a_change_whose_process_died(member, new_subjects):
    assert new_subjects() == []
    User.objects.filter(pk=member.pk).update(password=make_password(NEW))
    TOTP.activate(member, "JBSWY3DPEHPK3PXP")

    assert sorted(new_subjects()) == ["Your login security settings changed", "Your password was changed"]
    assert new_subjects() == []
    Authenticator.objects.all().delete()
    assert new_subjects() == ["Your login security settings changed"]
    assert new_subjects() == []


def test_the_email_about_a_new_address_goes_to_the_old_one(member, run_jobs, mailoutbox):
    User.objects.filter(pk=member.pk).update(email="thief@example.org")
    snapshots.reconcile()
    run_jobs()

    (mail,) = mailoutbox
    assert mail.to == ["ada@example.org"]
    assert "thief@example.org" in mail.body


def test_the_email_and_the_snapshot_are_stored_together_or_not_at_all(member, new_subjects):
    User.objects.filter(pk=member.pk).update(password=make_password(NEW))
    with mock.patch("accounts.jobs.models.Job.save", side_effect=RuntimeError):
        with pytest.raises(RuntimeError):
            snapshots.reconcile()

    assert new_subjects() == ["Your password was changed"]


def test_replacing_an_outdated_hash_is_not_a_change(member, new_subjects, settings):
    old = member.password
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    log_in(Client())
    member.refresh_from_db()

    assert member.password != old
    assert member.check_password(PASSWORD)
    assert new_subjects() == ["A new device logged in to your account"]


def test_users_created_in_bulk_get_a_snapshot_and_no_email(db, new_subjects):
    User.objects.bulk_create([User(username=f"bulk{n}", email=f"b{n}@example.org") for n in range(3)])
    assert new_subjects() == []
    assert AccountSnapshot.objects.count() == 3

    User.objects.filter(username="bulk1").update(password=make_password(NEW))
    assert new_subjects() == ["Your password was changed"]


def test_a_user_created_in_bulk_is_notified_of_the_first_password(db, new_subjects, rf):
    from allauth.account.adapter import get_adapter

    (bulk,) = User.objects.bulk_create([User(username="bulk", email="bulk@example.org")])
    get_adapter().set_password(User.objects.get(pk=bulk.pk), NEW)
    assert new_subjects() == ["Your password was changed"]


def test_suspended_members_get_no_email(member, new_subjects):
    """The passwords of two members change, and one of them is suspended."""
    other = UserFactory(email="other@example.org")
    member.suspend()
    User.objects.filter(pk__in=[member.pk, other.pk]).update(password=make_password(NEW))
    assert new_subjects() == ["Your password was changed"]
    assert AccountSnapshot.objects.get(pk=other.pk).version == 1


def test_the_email_about_an_authenticator_app_is_sent_at_once(
    member, run_jobs, mailoutbox, django_capture_on_commit_callbacks
):
    client = Client()
    client.force_login(member)
    path = "/users/2fa/totp/activate/"
    page = client.post(f"/users/reauthenticate/?next={path}", {"password": PASSWORD}, follow=True)
    secret = page.context["form"].secret
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    with django_capture_on_commit_callbacks(execute=True):
        client.post(path, {"code": code})
    run_jobs()

    (mail,) = mailoutbox
    assert "An authenticator app was set up." in mail.body
    assert "Recovery codes were created." in mail.body


@pytest.mark.parametrize(
    ("before", "after", "sentences"),
    [
        ("", "totp:1", ["An authenticator app was set up."]),
        ("recovery_codes:1 totp:2", "recovery_codes:3 totp:2", ["Recovery codes were created."]),
        ("totp:1 webauthn:2", "webauthn:3", [
            "A passkey was added.", "The authenticator app was removed.", "A passkey was removed.",
        ]),
        ("totp:1", "totp:1", []),
    ],
)  # fmt: skip
def test_changes_of_authenticators_are_described(before, after, sentences):
    assert snapshots.describe_mfa_changes(before, after) == sentences


def test_using_a_recovery_code_is_not_a_change(member, new_subjects):
    codes = RecoveryCodes.activate(member)
    new_subjects()
    assert codes.validate_code(codes.get_unused_codes()[0])
    assert new_subjects() == []
    codes.instance.delete()
    assert len(new_subjects()) == 1


class TestNewDevice:
    def test_a_login_from_an_unknown_browser_sends_an_email(self, member, new_subjects):
        client = Client()
        log_in(client, **{"user-agent": FIREFOX})
        assert new_subjects() == ["A new device logged in to your account"]

        client.post("/users/logout/")
        log_in(client)
        assert new_subjects() == []
        log_in(Client())
        assert new_subjects() == ["A new device logged in to your account"]

    def test_the_browser_of_sign_up_is_known(self, client, new_subjects, db):
        data = {"username": "eve", "email": "eve@example.org", "password1": PASSWORD}
        client.post("/users/signup/", data)
        assert "A new device logged in to your account" not in new_subjects()
        client.post("/users/logout/")
        client.post("/users/login/", {"login": "eve", "password": PASSWORD})
        assert "A new device logged in to your account" not in new_subjects()
        Client().post("/users/login/", {"login": "eve", "password": PASSWORD})
        assert "A new device logged in to your account" in new_subjects()

    def test_two_people_can_share_a_browser(self, member, client, new_subjects):
        UserFactory(username="bob")
        for name in ("ada", "bob", "ada", "bob"):
            client.post("/users/login/", {"login": name, "password": PASSWORD})
            client.post("/users/logout/")
        assert new_subjects() == ["A new device logged in to your account"] * 2

    @pytest.mark.parametrize("cookie", ["", "x", "a:b:c", "odd"])
    def test_a_forged_cookie_does_not_make_a_browser_known(self, member, client, new_subjects, cookie):
        signed = signing.dumps("odd", salt=devices.SALT)
        client.cookies[devices.COOKIE] = signed if cookie == "odd" else cookie
        log_in(client)
        assert new_subjects() == ["A new device logged in to your account"]

    def test_the_cookie_is_short_and_stays_on_this_site(self, member, client):
        log_in(client)
        cookie = client.cookies[devices.COOKIE]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert len(cookie.value) < 200

    @pytest.mark.parametrize(
        ("user_agent", "description"),
        [
            (FIREFOX, "Firefox, Linux"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
                "Safari, iPhone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/130.0 Mobile/15E148 Safari/604.1",
                "Chrome, iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36",
                "Samsung Internet, Android",
            ),
            ("Mozilla/5.0 (X11; CrOS x86_64 14541) Chrome/130.0 Safari/537.36", "Chrome, ChromeOS"),
            ("curl/8.0", "curl/8.0"),
            ("", ""),
            ("<script>" + "x" * 200, "script" + "x" * 54),
        ],
    )
    def test_browsers_are_described_in_a_few_words(self, user_agent, description):
        assert devices.describe_browser(user_agent) == description


REQUESTS = {
    "password_reset_key": lambda client: client.post("/users/password/reset/", {"email": "ada@example.org"}),
    "unknown_account": lambda client: client.post("/users/password/reset/", {"email": "no@example.org"}),
    "email_confirmation_signup": lambda client: client.post(
        "/users/signup/", {"username": "eve", "email": "eve@example.org", "password1": PASSWORD}
    ),
}


# Phrases from the templates of allauth.
STOCK = ("Hello from", "Thank you for using", "You're receiving", "You are receiving", "Sign-In", "sign-in")


@pytest.mark.parametrize("email", REQUESTS)
def test_requested_emails_have_our_text_in_both_bodies(member, client, run_jobs, mailoutbox, email):
    REQUESTS[email](client)
    run_jobs()

    (sent,) = mailoutbox
    html, _type = sent.alternatives[0]
    assert not [text for text in STOCK if text in sent.subject + sent.body + html]
    assert "Socializer" in sent.body
    for link in re.findall(r"http://localhost:8000/\S+", sent.body):
        assert link in html
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize("email", ["login_code", "password_reset_code", "account_already_exists"])
def test_emails_that_depend_on_settings_have_our_text(email):
    rendered = rendering.render(
        f"account/email/{email}", {"code": "K7Q-M2X", "password_reset_url": "K7Q-M2X"}, body="message"
    )

    assert not [text for text in STOCK if text in "".join(rendered)]
    assert all("K7Q-M2X" in body for body in rendered[1:])
