from unittest import mock

import pytest
from allauth.account.models import EmailAddress
from django.db import DatabaseError
from django.test import Client

from accounts.forms import RequestLoginCodeForm
from accounts.models import User
from accounts.tests.email_helpers import link_in
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.outcomes import Database


@pytest.fixture
def ask_for(member_client, run_jobs, mailoutbox):
    """Return a function that asks to change the member's address, and returns the confirmation link that was emailed."""

    def ask(email):
        # Changing the address requires a recent login.
        response = member_client.post("/users/email/", {"action_add": "", "email": email})
        if "reauthenticate" in response.url:
            member_client.post(response.url, {"password": PASSWORD})
            member_client.post("/users/email/", {"action_add": "", "email": email})
        run_jobs()
        return link_in(mailoutbox[-1])

    return ask


def test_a_new_address_is_used_once_it_is_confirmed(member, member_client, ask_for):
    link = ask_for("new@example.org")
    assert User.objects.get(pk=member.pk).email == "ada@example.org"

    member_client.post(link)
    assert User.objects.get(pk=member.pk).email == "new@example.org"


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_that_someone_else_took_is_refused_with_a_message(
    member, member_client, ask_for, verified
):
    link = ask_for("bob@example.org")
    bob = UserFactory(username="bob")
    bob.emailaddress_set.update(verified=verified)

    response = member_client.post(link, follow=True)
    assert response.status_code == 200
    assert "belongs to another account" in response.content.decode()
    assert User.objects.get(pk=member.pk).email == "ada@example.org"


def test_an_unconfirmed_change_does_not_keep_the_owner_from_signing_up(client, ask_for, run_jobs, mailoutbox):
    ask_for("victim@example.org")

    client.post("/users/password/reset/", {"email": "victim@example.org"})
    run_jobs()
    assert "password/reset/key" not in mailoutbox[-1].body

    client.post(
        "/users/signup/", {"username": "victim", "email": "Victim@example.org", "password1": PASSWORD}
    )
    assert User.objects.get(email="victim@example.org").username == "victim"
    assert EmailAddress.objects.get(email="victim@example.org").user.username == "victim"


CLAIMED = "victim@example.org"
SIGN_UP = {"username": "victim", "email": CLAIMED, "password1": PASSWORD}


@pytest.mark.parametrize("verification", ["none", "optional", "mandatory"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"password1": "short"},
        {"password1": "victim@example.org"},
        {"username": "ada"},
        {"username": "admin"},
        {"nickname": "bot"},
    ],
    ids=str,
)
def test_a_refused_sign_up_keeps_the_pending_changes_of_others(
    client, member, member_client, ask_for, settings, verification, wrong
):
    settings.ACCOUNT_EMAIL_VERIFICATION = verification
    settings.ACCOUNT_SIGNUP_FORM_HONEYPOT_FIELD = "nickname"
    link = ask_for(CLAIMED)
    database = Database()
    with database.watched():
        client.post("/users/signup/", SIGN_UP | wrong)

    assert database.writes == 0
    assert not User.objects.filter(username="victim").exists()
    member_client.post(link)
    assert User.objects.get(pk=member.pk).email == CLAIMED


def test_a_sign_up_over_the_limit_keeps_the_pending_changes_of_others(client, ask_for, settings):
    ask_for(CLAIMED)
    settings.ACCOUNT_RATE_LIMITS = {"signup": "1/m/ip"}
    client.post("/users/signup/", SIGN_UP | {"email": "first@example.org"})

    assert Client().post("/users/signup/", SIGN_UP | {"username": "second"}).status_code == 429
    assert EmailAddress.objects.filter(email=CLAIMED, user__username="ada").exists()


def test_a_sign_up_that_failed_keeps_the_pending_changes_of_others(client, ask_for):
    ask_for(CLAIMED)
    with mock.patch.object(User, "save", side_effect=DatabaseError):
        assert client.post("/users/signup/", SIGN_UP).status_code == 503
    assert EmailAddress.objects.filter(email=CLAIMED, user__username="ada").exists()


def test_a_member_whose_new_address_was_taken_keeps_the_old_one(client, member, member_client, ask_for):
    link = ask_for(CLAIMED)
    client.post("/users/signup/", SIGN_UP)

    assert member_client.get(link).status_code == 200
    page = member_client.get("/users/email/")
    assert page.status_code == 200
    assert CLAIMED not in page.content.decode()
    assert User.objects.get(pk=member.pk).email == "ada@example.org"


def test_an_unconfirmed_sign_up_keeps_the_pending_changes_of_others(
    client, member, member_client, ask_for, settings
):
    link = ask_for(CLAIMED)
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    assert client.post("/users/signup/", SIGN_UP).status_code == 302

    member_client.post(link)
    assert User.objects.get(pk=member.pk).email == CLAIMED
    assert User.objects.get(username="victim").email is None


@pytest.mark.parametrize("path", ["confirm-email", "password/reset/key"])
def test_opening_an_emailed_link_stores_nothing(member, member_client, ask_for, run_jobs, mailoutbox, path):
    ask_for("new@example.org")
    EmailAddress.objects.filter(verified=True).delete()
    member_client.post("/users/password/reset/", {"email": "ada@example.org"})
    run_jobs()
    link = next(found for mail in mailoutbox if path in (found := link_in(mail)))
    stranger = Client()
    stranger.force_login(UserFactory(username="bob"))
    before = list(EmailAddress.objects.values_list()), list(User.objects.values_list())
    assert stranger.get(link, follow=True).status_code == 200
    assert (list(EmailAddress.objects.values_list()), list(User.objects.values_list())) == before


def test_opening_someone_elses_confirmation_link_logs_nobody_out(ask_for):
    link = ask_for("new@example.org")
    bob = Client()
    bob.force_login(UserFactory(username="bob"))

    bob.get(link)
    assert "_auth_user_id" in bob.session
    bob.post(link)
    assert "_auth_user_id" not in bob.session


def test_a_login_code_goes_to_the_owner_of_an_address_and_not_to_someone_changing_to_it(ask_for, db):
    ask_for(CLAIMED)
    form = RequestLoginCodeForm({"email": CLAIMED})
    owner = UserFactory(username="victim", email=CLAIMED)
    EmailAddress.objects.filter(user=owner).update(verified=False)
    with mock.patch("allauth.core.ratelimit.consume", return_value=True):
        assert form.is_valid()
        assert form._user == owner
        owner.delete()
        form = RequestLoginCodeForm({"email": CLAIMED})
        assert form.is_valid()
        assert form._user is None


@pytest.fixture
def newcomer(db):
    """Return a client of someone who signed up as ada@example.org and hasn't confirmed it."""
    client = Client()
    client.post("/users/signup/", {"username": "ada", "email": "ada@example.org", "password1": PASSWORD})
    client.post("/users/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.fixture
def ada_asks_for(newcomer, run_jobs, mailoutbox):
    """Return a function that asks to change the newcomer's address, and returns the confirmation link that was emailed."""

    def ask(email):
        newcomer.post("/users/email/", {"action_add": "", "email": email})
        run_jobs()
        assert mailoutbox[-1].to == [email]
        return link_in(mailoutbox[-1])

    return ask


def addresses_of(username):
    """Return the address of the account, and allauth's rows as (address, primary, verified)."""
    rows = EmailAddress.objects.filter(user__username=username).order_by("pk")
    return User.objects.get(username=username).email, list(rows.values_list("email", "primary", "verified"))


UNCONFIRMED = ("ada@example.org", True, False)
TYPO = ("typo@example.org", False, False)


def test_an_unconfirmed_address_stays_until_the_new_one_is_confirmed(newcomer, ada_asks_for):
    ada_asks_for("typo@example.org")
    assert addresses_of("ada") == ("ada@example.org", [UNCONFIRMED, TYPO])

    link = ada_asks_for("new@example.org")
    assert addresses_of("ada") == ("ada@example.org", [UNCONFIRMED, ("new@example.org", False, False)])

    newcomer.post(link)
    assert addresses_of("ada") == ("new@example.org", [("new@example.org", True, True)])


def test_an_unconfirmed_address_can_be_kept(newcomer, ada_asks_for):
    ada_asks_for("typo@example.org")
    page = newcomer.get("/users/email/")
    assert page.context["current_emailaddress"].email == "ada@example.org"
    assert page.context["new_emailaddress"].email == "typo@example.org"
    assert "action_remove" in page.content.decode()

    newcomer.post("/users/email/", {"action_remove": "", "email": "typo@example.org"})
    assert addresses_of("ada") == ("ada@example.org", [UNCONFIRMED])
    page = newcomer.get("/users/email/").content.decode()
    assert "action_send" in page
    assert "action_remove" not in page


@pytest.mark.parametrize("email", ["ada@example.org", "typo@example.org"])
def test_the_link_can_be_sent_again(newcomer, ada_asks_for, settings, run_jobs, mailoutbox, email):
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": "9/m/key"}
    ada_asks_for("typo@example.org")
    mailoutbox.clear()
    newcomer.post("/users/email/", {"action_send": "", "email": email})
    run_jobs()
    assert [mail.to for mail in mailoutbox] == [[email]]

    newcomer.post(link_in(mailoutbox[0]))
    assert addresses_of("ada") == (email, [(email, True, True)])


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("pending", [True, False])
def test_the_current_address_cannot_be_removed(newcomer, verified, pending):
    EmailAddress.objects.update(verified=verified)
    if pending:
        EmailAddress.objects.create(user=User.objects.get(), email="typo@example.org")
    before = addresses_of("ada")
    newcomer.post("/users/email/", {"action_remove": "", "email": "ada@example.org"})
    assert addresses_of("ada") == before


def test_an_address_without_a_row_of_allauth_also_stays(newcomer, ada_asks_for):
    EmailAddress.objects.all().delete()
    link = ada_asks_for("new@example.org")
    assert User.objects.get().email == "ada@example.org"
    page = newcomer.get("/users/email/")
    assert page.context["current_emailaddress"].email == "ada@example.org"
    assert page.context["new_emailaddress"].email == "new@example.org"

    newcomer.post("/users/email/", {"action_remove": "", "email": "ada@example.org"})
    assert User.objects.get().email == "ada@example.org"
    newcomer.post(link)
    assert addresses_of("ada") == ("new@example.org", [("new@example.org", True, True)])


def test_an_unconfirmed_member_keeps_the_address_while_changing_it(
    client, settings, run_jobs, mailoutbox, db
):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    client.post("/users/signup/", {"username": "ada", "email": "ada@example.org", "password1": PASSWORD})
    client.force_login(User.objects.get())
    client.post("/users/reauthenticate/", {"password": PASSWORD})
    client.post("/users/email/", {"action_add": "", "email": "new@example.org"})
    run_jobs()
    assert addresses_of("ada") == (None, [UNCONFIRMED, ("new@example.org", False, False)])
    assert [user.username for user in User.objects.reached_at("ada@example.org")] == ["ada"]
    assert User.objects.reached_at("new@example.org") == []

    client.post(link_in(mailoutbox[-1]))
    assert addresses_of("ada") == ("new@example.org", [("new@example.org", True, True)])


@pytest.mark.parametrize("email", ["bob@example.org", "free@example.org"])
def test_no_address_becomes_the_current_one_without_being_confirmed(newcomer, ada_asks_for, email):
    UserFactory(username="bob")
    ada_asks_for(email)
    before = addresses_of("ada")
    unknown = newcomer.post("/users/email/", {"action_unknown": "", "email": email})
    response = newcomer.post("/users/email/", {"action_primary": "", "email": email})

    assert (
        (response.status_code, response.url) == (unknown.status_code, unknown.url) == (302, "/users/email/")
    )
    assert addresses_of("ada") == before
