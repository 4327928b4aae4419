"""If addresses must be confirmed, sign-up, login and password reset don't reveal which of them have an account."""

import re
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.emails.models import Delivery
from accounts.models import Follow, RetiredUsername, User
from accounts.signals import user_left
from accounts.tests.factories import UserFactory
from accounts.tests.test_prune import prune

KNOWN, UNKNOWN, SUSPENDED, CLAIMED = (f"{name}@example.org" for name in ("ada", "nobody", "sue", "claimed"))
CHOSEN = "another password altogether"


@pytest.fixture(autouse=True)
def _must_confirm(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    with time_machine.travel("2026-03-01T12:00:05Z", tick=False):
        yield


@pytest.fixture
def people(member):
    """Create a member, a suspended member, and someone who signed up and hasn't confirmed their address."""
    UserFactory(username="sue").suspend()
    claimant = UserFactory(username="claimant", email=None)
    EmailAddress.objects.create(user=claimant, email=CLAIMED, primary=True)


def sign_up(client, username, email):
    return client.post("/users/signup/", {"username": username, "email": email, "password1": CHOSEN})


def log_in(client, login, password=CHOSEN):
    return client.post("/users/login/", {"login": login, "password": password})


def plain(text, *typed):
    """Return the text of a page without tokens and without what was typed."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|person-\d+', "", text)
    for word in typed:
        text = text.replace(word, "…")
    return text


def observed(act, *typed):
    """Return everything observable about the response of `act(client)`, its writes and its number of hashes."""
    client = Client()
    encode = mock.patch.object(
        MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
    )
    with encode as hashes, CaptureQueriesContext(connection) as queries:
        response = act(client)
    writes = [
        re.sub(r'(INSERT|UPDATE|DELETE)\b[^"]*"(\w+)".*', r"\1 \2", query["sql"])
        for query in queries
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    messages = [plain(str(message), *typed) for message in response.wsgi_request._messages._queued_messages]
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in ("X-Request-ID", "Content-Length", "ETag")
    }
    page = client.get(response.url) if response.status_code == 302 else response
    return {
        "status": response.status_code,
        "headers": headers,
        "cookies": {name: morsel.OutputString().count(";") for name, morsel in response.cookies.items()},
        "messages": messages,
        "session": sorted(client.session.keys()),
        "page": plain(page.content.decode(), *typed),
        "hashes": hashes.call_count,
        "writes": writes,
    }


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("known", [KNOWN, "ADA@example.org", SUSPENDED, CLAIMED])
def test_a_sign_up_is_the_same_for_an_address_that_has_an_account(known):
    one = observed(lambda client: sign_up(client, "grace", known), known, known.lower(), "grace")
    other = observed(lambda client: sign_up(client, "heidi", UNKNOWN), UNKNOWN, "heidi")

    assert one == other
    assert one["status"] == 302
    assert one["hashes"] == 1
    assert one["messages"]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("known", [KNOWN, SUSPENDED, CLAIMED])
@pytest.mark.parametrize(
    "act",
    [
        # Finds out whether the username is taken.
        lambda client, name, email: sign_up(client, name, "third@example.org"),
        lambda client, name, email: log_in(client, name),
        lambda client, name, email: log_in(client, name, "wrong"),
        lambda client, name, email: log_in(client, email),
        lambda client, name, email: client.get(f"/@{name}/"),
        lambda client, name, email: client.get(f"/@{name}/followers/"),
        lambda client, name, email: client.get("/users/"),
    ],
)
def test_requests_after_the_sign_up_are_the_same_too(known, act):
    sign_up(Client(), "grace", known)
    one = observed(lambda client: act(client, "grace", known), "grace", known)
    User.objects.filter(username="grace").delete()
    sign_up(Client(), "grace", UNKNOWN)
    other = observed(lambda client: act(client, "grace", UNKNOWN), "grace", UNKNOWN)

    assert one == other


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("login", ["ada", "sue", "claimant", KNOWN, SUSPENDED, CLAIMED])
def test_a_wrong_password_is_answered_like_an_unknown_name(login):
    one = observed(lambda client: log_in(client, login, "wrong"), login)
    unknown = UNKNOWN if "@" in login else "unknown"
    other = observed(lambda client: log_in(client, unknown, "wrong"), unknown)

    assert one == other
    assert one["hashes"] == 1
    assert one["status"] == 200


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("known", [KNOWN, SUSPENDED, CLAIMED])
def test_a_password_reset_is_the_same_for_every_address(known):
    def reset(email):
        return observed(lambda client: client.post("/users/password/reset/", {"email": email}), email)

    assert reset(known) == reset(UNKNOWN)


def mailed_to(email, mailoutbox):
    return [mail for mail in mailoutbox if mail.to == [email]]


def test_the_owner_of_an_address_gets_an_email_and_no_other_account_gets_the_address(
    client, member, run_jobs, mailoutbox, settings
):
    settings.ACCOUNT_RATE_LIMITS = False
    sign_up(client, "mallory", KNOWN)
    log_in(Client(), "mallory")
    run_jobs()

    mails = mailed_to(KNOWN, mailoutbox)
    assert [mail.subject for mail in mails] == ["You already have an account on Socializer"] * 2
    assert "confirm-email" not in mails[0].body
    assert User.objects.get(email=KNOWN) == member
    assert User.objects.get(username="mallory").email is None


@pytest.mark.django_db
def test_confirming_the_address_makes_it_the_members_and_lets_them_log_in(client, run_jobs, mailoutbox):
    sign_up(client, "grace", UNKNOWN)
    run_jobs()
    link = re.search(r"http://\S+?(/users/confirm-email/\S+)", mailoutbox[-1].body)[1]
    response = client.post(link)

    assert response.url == "/users/login/"
    grace = User.objects.get()
    assert grace.email == UNKNOWN
    assert grace.can_be_mailed()
    run_jobs()
    assert len(mailoutbox) == 1
    assert log_in(client, UNKNOWN).url == "/users/welcome/"


@pytest.mark.django_db
def test_if_several_sign_up_with_an_address_its_owner_gets_it(client, run_jobs, mailoutbox, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    sign_up(Client(), "mallory", UNKNOWN)
    sign_up(client, "grace", UNKNOWN)
    run_jobs()
    theirs, own = (re.search(r"(/users/confirm-email/\S+)", mail.body)[1] for mail in mailoutbox)

    client.post(own)
    refused = Client().post(theirs, follow=True)
    assert "belongs to another account" in refused.content.decode()
    assert User.objects.get(email=UNKNOWN).username == "grace"


@pytest.mark.usefixtures("people")
def test_the_owner_of_the_mailbox_can_reset_an_unconfirmed_account(client, run_jobs, mailoutbox):
    client.post("/users/password/reset/", {"email": CLAIMED})
    run_jobs()
    assert "@claimant" in mailoutbox[-1].body
    assert "/users/password/reset/key/" in mailoutbox[-1].body


@pytest.mark.usefixtures("people")
def test_a_suspended_member_gets_no_password_reset(client, run_jobs, mailoutbox):
    client.post("/users/password/reset/", {"email": SUSPENDED})
    run_jobs()
    assert "/users/password/reset/key/" not in mailoutbox[-1].body


def test_an_unconfirmed_address_does_not_work_for_login_and_the_message_says_so(client, member):
    sign_up(Client(), "grace", UNKNOWN)
    message = "If you haven&#x27;t confirmed this email yet, log in with your username."
    assert message in log_in(client, UNKNOWN).content.decode()
    assert log_in(client, "grace").url == "/users/confirm-email/"


def test_unconfirmed_accounts_are_deleted_after_a_week_and_free_their_username(member):
    left = mock.Mock()
    user_left.connect(left)
    sign_up(Client(), "grace", UNKNOWN)
    sign_up(Client(), "mallory", KNOWN)
    sign_up(Client(), "lately", "lately@example.org")
    User.objects.get(username="grace").follow(member)
    User.objects.exclude(username="lately").update(date_joined=timezone.now() - timedelta(days=8))
    # An account without an address, created on the command line.
    User.objects.create_user("bot", date_joined=timezone.now() - timedelta(days=8))

    assert "Would delete 2 unconfirmed accounts." in prune(dry_run=True)
    assert User.objects.count() == 5
    assert "Deleted 2 unconfirmed accounts." in prune()
    assert set(User.objects.values_list("username", flat=True)) == {"ada", "lately", "bot"}
    assert not Follow.objects.exists()
    assert not RetiredUsername.objects.exists()
    assert {call.kwargs["username"] for call in left.call_args_list} == {"grace", "mallory"}
    assert sign_up(Client(), "grace", UNKNOWN).status_code == 302


def test_accounts_that_were_confirmed_or_used_are_kept(member, settings):
    sign_up(Client(), "grace", UNKNOWN)
    settings.ACCOUNT_EMAIL_VERIFICATION = "optional"
    log_in(Client(), "grace")
    sign_up(Client(), "heidi", "heidi@example.org")
    User.objects.update(date_joined=timezone.now() - timedelta(days=99))

    assert "Deleted 0 unconfirmed accounts." in prune()
    assert User.objects.count() == 3


def test_an_account_that_is_confirmed_meanwhile_is_not_pruned(member):
    sign_up(Client(), "grace", UNKNOWN)
    User.objects.update(date_joined=timezone.now() - timedelta(days=99))
    grace = User.objects.get(username="grace")
    EmailAddress.objects.filter(user=grace).update(verified=True)

    assert not grace.discard_unconfirmed(timezone.now())
    assert User.objects.filter(username="grace").exists()


@pytest.mark.parametrize("verification", ["none", "optional"])
def test_if_addresses_need_no_confirmation_a_taken_one_is_refused(client, member, settings, verification):
    settings.ACCOUNT_EMAIL_VERIFICATION = verification
    response = sign_up(client, "grace", KNOWN)
    assert "already belongs to an account" in response.content.decode()
    assert not Delivery.objects.exists()
