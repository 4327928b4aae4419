"""Whoever owns an account hears of every change to how it is entered: once, whatever dies meanwhile."""

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

from accounts import devices, security, tasks
from accounts.emails import letters
from accounts.models import ToldState, User
from accounts.tests.factories import PASSWORD, UserFactory

NEW = "a longer new password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def told(run_jobs, mailoutbox):
    """Returns a function that gives the subjects mailed since the last time, with the sweep having run."""

    def told():
        tasks.sweep_accounts.func()
        run_jobs()
        subjects = [mail.subject for mail in mailoutbox]
        mailoutbox.clear()
        return subjects

    return told


def log_in(client, **headers):
    return client.post("/users/login/", {"login": "ada", "password": PASSWORD}, headers=headers)


def test_a_new_password_is_told_once_with_where_it_came_from(member, run_jobs, mailoutbox, told):
    client = Client()
    client.force_login(member)
    data = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/users/password/change/", data, headers={"user-agent": FIREFOX})
    run_jobs()

    (mail,) = mailoutbox
    assert mail.subject == "Your password was changed"
    for words in ("@ada", "127.0.0.1", "Firefox, Linux", "http://localhost:8000/users/password/reset/"):
        assert words in mail.body
        assert words in mail.alternatives[0][0]
    assert "List-Unsubscribe" not in mail.extra_headers
    mailoutbox.clear()
    assert told() == []


@pytest.mark.parametrize("setting", [True, False])
def test_allauths_own_setting_neither_adds_a_mail_nor_takes_one_away(member, told, settings, setting):
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = setting
    client = Client()
    client.force_login(member)
    data = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/users/password/change/", data)
    assert told() == ["Your password was changed"]


def test_a_change_whose_process_died_is_told_by_the_sweep(member, told):
    assert told() == []
    User.objects.filter(pk=member.pk).update(password=make_password(NEW))
    TOTP.activate(member, "JBSWY3DPEHPK3PXP")

    assert sorted(told()) == ["Your password was changed", "Your second factor was changed"]
    assert told() == []
    Authenticator.objects.all().delete()
    assert told() == ["Your second factor was changed"]
    assert told() == []


def test_a_new_address_is_told_to_the_old_one(member, run_jobs, mailoutbox):
    User.objects.filter(pk=member.pk).update(email="thief@example.org")
    security.sweep()
    run_jobs()

    (mail,) = mailoutbox
    assert mail.to == ["ada@example.org"]
    assert "thief@example.org" in mail.body


def test_telling_and_remembering_it_are_one(member, told):
    User.objects.filter(pk=member.pk).update(password=make_password(NEW))
    with mock.patch("django_tasks_db.models.DBTaskResult.save", side_effect=RuntimeError):
        with pytest.raises(RuntimeError):
            security.sweep()

    assert told() == ["Your password was changed"]


def test_a_password_stored_by_an_older_recipe_is_stored_anew_and_that_is_no_change(member, told, settings):
    old = member.password
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    log_in(Client())
    member.refresh_from_db()

    assert member.password != old
    assert member.check_password(PASSWORD)
    assert told() == ["A new device has logged in"]


def test_people_made_in_bulk_are_taken_as_they_are(db, told):
    User.objects.bulk_create([User(username=f"bulk{n}", email=f"b{n}@example.org") for n in range(3)])
    assert told() == []
    assert ToldState.objects.count() == 3

    User.objects.filter(username="bulk1").update(password=make_password(NEW))
    assert told() == ["Your password was changed"]


def test_a_person_made_in_bulk_whose_first_password_is_set_hears_of_it(db, told, rf):
    from allauth.account.adapter import get_adapter

    (bulk,) = User.objects.bulk_create([User(username="bulk", email="bulk@example.org")])
    get_adapter().set_password(User.objects.get(pk=bulk.pk), NEW)
    assert told() == ["Your password was changed"]


def test_nobody_suspended_is_mailed(member, told):
    """Of two members whose password was changed, only the other one is told."""
    other = UserFactory(email="other@example.org")
    member.suspend()
    User.objects.filter(pk__in=[member.pk, other.pk]).update(password=make_password(NEW))
    assert told() == ["Your password was changed"]
    assert ToldState.objects.get(pk=other.pk).changes == 1


def test_an_authenticator_app_is_told_of_at_once(
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
    assert "Recovery codes were made." in mail.body


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("", "totp:1", ["An authenticator app was set up."]),
        ("recovery_codes:1 totp:2", "recovery_codes:3 totp:2", ["Recovery codes were made."]),
        ("totp:1 webauthn:2", "webauthn:3", [
            "A passkey was added.", "An authenticator app was removed.", "A passkey was removed.",
        ]),
        ("totp:1", "totp:1", []),
    ],
)  # fmt: skip
def test_what_happened_to_the_second_factors(before, after, words):
    assert security.factor_changes(before, after) == words


def test_a_recovery_code_that_is_used_is_no_change(member, told):
    codes = RecoveryCodes.activate(member)
    told()
    assert codes.validate_code(codes.get_unused_codes()[0])
    assert told() == []
    codes.instance.delete()
    assert len(told()) == 1


class TestNewDevice:
    def test_a_log_in_from_a_browser_that_is_not_known_is_told(self, member, told):
        client = Client()
        log_in(client, **{"user-agent": FIREFOX})
        assert told() == ["A new device has logged in"]

        client.post("/users/logout/")
        log_in(client)
        assert told() == []
        log_in(Client())
        assert told() == ["A new device has logged in"]

    def test_sign_up_brings_its_own_browser(self, client, told, db):
        data = {"username": "eve", "email": "eve@example.org", "password1": PASSWORD}
        client.post("/users/signup/", data)
        assert "A new device has logged in" not in told()
        client.post("/users/logout/")
        client.post("/users/login/", {"login": "eve", "password": PASSWORD})
        assert "A new device has logged in" not in told()
        Client().post("/users/login/", {"login": "eve", "password": PASSWORD})
        assert "A new device has logged in" in told()

    def test_two_people_share_a_browser(self, member, client, told):
        UserFactory(username="bob")
        for name in ("ada", "bob", "ada", "bob"):
            client.post("/users/login/", {"login": name, "password": PASSWORD})
            client.post("/users/logout/")
        assert told() == ["A new device has logged in"] * 2

    @pytest.mark.parametrize("cookie", ["", "x", "a:b:c", "odd"])
    def test_a_forged_cookie_makes_no_browser_known(self, member, client, told, cookie):
        signed = signing.dumps("odd", salt=devices.SALT)
        client.cookies[devices.COOKIE] = signed if cookie == "odd" else cookie
        log_in(client)
        assert told() == ["A new device has logged in"]

    def test_the_cookie_is_for_us_alone_and_short(self, member, client):
        log_in(client)
        cookie = client.cookies[devices.COOKIE]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert len(cookie.value) < 200

    @pytest.mark.parametrize(
        ("user_agent", "words"),
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
    def test_browsers_in_words(self, user_agent, words):
        assert devices.describe_browser(user_agent) == words


ASKED = {
    "password_reset_key": lambda client: client.post("/users/password/reset/", {"email": "ada@example.org"}),
    "unknown_account": lambda client: client.post("/users/password/reset/", {"email": "no@example.org"}),
    "email_confirmation_signup": lambda client: client.post(
        "/users/signup/", {"username": "eve", "email": "eve@example.org", "password1": PASSWORD}
    ),
}


STOCK = ("Hello from", "Thank you for using", "You're receiving", "You are receiving", "Sign-In", "sign-in")


@pytest.mark.parametrize("mail", ASKED)
def test_mails_that_are_asked_for_are_in_our_words_as_text_and_html(
    member, client, run_jobs, mailoutbox, mail
):
    ASKED[mail](client)
    run_jobs()

    (sent,) = mailoutbox
    html, _type = sent.alternatives[0]
    assert not [words for words in STOCK if words in sent.subject + sent.body + html]
    assert "Socializer" in sent.body
    for link in re.findall(r"http://localhost:8000/\S+", sent.body):
        assert link in html
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize("mail", ["login_code", "password_reset_code", "account_already_exists"])
def test_so_are_those_that_only_some_settings_bring(mail):
    rendered = letters.render(
        f"account/email/{mail}", {"code": "K7Q-M2X", "password_reset_url": "K7Q-M2X"}, body="message"
    )

    assert not [words for words in STOCK if words in "".join(rendered)]
    assert all("K7Q-M2X" in body for body in rendered[1:])
