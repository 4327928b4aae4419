"""An email address leads to one account and one mailbox, however it is typed or stored."""

from importlib import import_module
from io import StringIO
from unittest import mock

import pytest
from allauth.account import views
from allauth.account.models import EmailAddress
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import include, path, reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.common.addresses import canonical_email, email_key
from accounts.emails import outbox
from accounts.emails.models import Delivery, SuppressedAddress
from accounts.models import User
from accounts.security.models import AccountSnapshot
from accounts.tests.email_helpers import link_in
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.former_models import FormerApps

# The site's methods, as they are when members can log in with a code.
urlpatterns = [
    path("users/login/code/", views.request_login_code, name="account_request_login_code"),
    path("users/login/code/confirm/", views.confirm_login_code, name="account_confirm_login_code"),
    path("", include("socializer.urls")),
]

MUNICH = "ada@xn--mnchen-3ya.example"
SPELLINGS_OF_MUNICH = [
    "ada@münchen.example",
    "ADA@MÜNCHEN.example",
    "ada@mu\u0308nchen.example",
    "ada@XN--MNCHEN-3YA.example",
    "ada@xn--mnchen-3ya.example.",
    " ada＠ｍünchen。ｅｘａｍｐｌｅ ",
    "a\u200bda@mün\u00adchen.example",
    "ad\u2060a\ufeff@münchen.example\u200b",
    "\u202aada@münchen.example\u202c",
    "ａda@münchen．example",
]
NO_ADDRESSES = [
    "ada@exam\u200dple.org",  # This joiner has no effect.
    "ada@exam\u202eple.org",
    "ada@xn--abc.org",
    "ada@ab--cd.org",
    "ada@ex_ample.org",
    "ada@[127.0.0.1]",
    "ada@127.0.0.10",
    "ada@",
    "@example.org",
    "\u200b@example.org",
    "ada@bob@example.org",
    '"ada"@example.org',
    '"a b"@example.org',
    "adä@example.org",
    "ada\n@example.org",
    "ada@example.org\r\nBcc: bob@example.org",
    "a" * 250 + "@example.org",
    "ada@" + "x" * 100_000,
    "é" * 100_000 + "@example.org",
]


@pytest.mark.parametrize("typed", SPELLINGS_OF_MUNICH)
def test_every_spelling_has_one_canonical_form(typed):
    assert canonical_email(typed) == MUNICH


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        # This is not strasse.example, which is another domain.
        ("x@straße.example", "x@xn--strae-oqa.example"),
        ("x@STRAẞE.example", "x@xn--strae-oqa.example"),
        # Here the joiner is part of the name.
        ("x@क्\u200d.example", "x@xn--11b6iy14e.example"),
        ("ada+posts@localhost", "ada+posts@localhost"),
    ],
)
def test_hosts_are_encoded_by_idna_2008(typed, canonical):
    assert canonical_email(typed) == canonical


@pytest.mark.parametrize("typed", NO_ADDRESSES)
def test_an_invalid_address_is_refused_with_an_explanation(typed):
    with pytest.raises(ValidationError) as refused:
        canonical_email(typed)
    assert refused.value.messages[0]


def test_a_very_long_address_is_refused_quickly():
    """Normalizing can take quadratic time."""
    with mock.patch("accounts.common.addresses.unicodedata.normalize") as normalize:
        for typed in ("a" + "\u0301\u0316" * 500_000 + "@example.org", "a@" + "\u0301\u0316" * 500_000):
            with pytest.raises(ValidationError, match="up to 254"):
                canonical_email(typed)
    assert not normalize.called


@given(st.text() | st.text("adaé@.＠。\u200b\u200d\u00ad-ß\"' \0\ud800\u202e", min_size=3))
def test_any_text_has_a_stable_canonical_form_or_is_refused(typed):
    try:
        canonical = canonical_email(typed)
    except ValidationError:
        canonical = email_key(typed)
    else:
        assert canonical.isascii()
        assert canonical == canonical.lower()
        assert canonical_email(canonical) == canonical
    assert email_key(canonical) == canonical or not canonical.strip()


@pytest.fixture
def ada(db):
    return UserFactory(username="ada", email=MUNICH)


def sign_up(email, **changes):
    data = {"username": "grace", "email": email, "password1": PASSWORD} | changes
    return Client().post("/users/signup/", data)


@pytest.mark.django_db
@pytest.mark.parametrize("typed", SPELLINGS_OF_MUNICH)
def test_sign_up_stores_the_canonical_form(typed):
    sign_up(typed)

    assert User.objects.get().email == MUNICH
    assert EmailAddress.objects.get().email == MUNICH
    assert Delivery.objects.get().address == MUNICH


@pytest.mark.parametrize("typed", SPELLINGS_OF_MUNICH)
def test_sign_up_finds_a_taken_address_in_any_spelling(ada, typed):
    response = sign_up(typed)

    assert "already belongs to an account" in response.content.decode()
    assert User.objects.get() == ada


@pytest.mark.django_db
@pytest.mark.parametrize("typed", NO_ADDRESSES)
def test_sign_up_explains_an_error_and_keeps_the_typed_address(typed):
    response = sign_up(typed)

    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["email", "password1"]  # which has to be typed again
    assert response.context["form"]["email"].value() == typed
    assert not User.objects.exists()


@pytest.mark.parametrize("typed", SPELLINGS_OF_MUNICH)
def test_login_accepts_any_spelling(ada, settings, typed):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    client = Client()
    client.post("/users/login/", {"login": typed, "password": PASSWORD})

    assert client.session["_auth_user_id"] == str(ada.pk)
    # allauth would store an address that it doesn't find.
    assert EmailAddress.objects.get().email == MUNICH


@pytest.mark.parametrize("typed", SPELLINGS_OF_MUNICH)
def test_authenticating_in_code_accepts_any_spelling(ada, rf, typed):
    for name in ("username", "email"):
        assert authenticate(rf.post("/"), **{name: typed}, password=PASSWORD) == ada


@pytest.mark.django_db
@pytest.mark.parametrize("typed", [*NO_ADDRESSES, "@", "＠", "\0@\0", "nobody@straße.example"])
def test_login_with_an_invalid_address_is_like_login_with_an_unknown_name(client, typed):
    encode = MD5PasswordHasher.encode
    with mock.patch.object(MD5PasswordHasher, "encode", autospec=True, side_effect=encode) as encode:
        response = client.post("/users/login/", {"login": typed, "password": PASSWORD})

    assert response.status_code == 200
    assert response.context["form"]["login"].value() == typed
    if "\0" not in typed:
        assert response.context["form"].non_field_errors() == [
            "That username, email or password isn't right. Try again."
        ]
        assert encode.call_count == 1


@pytest.mark.parametrize("typed", SPELLINGS_OF_MUNICH)
def test_password_reset_accepts_any_spelling_and_emails_the_stored_address(ada, run_jobs, mailoutbox, typed):
    response = Client().post("/users/password/reset/", {"email": typed})
    run_jobs()

    assert response.url == "/users/password/reset/done/"
    assert mailoutbox[0].to == [MUNICH]
    assert "/users/password/reset/key/" in mailoutbox[0].body


@pytest.mark.django_db
def test_password_reset_is_not_emailed_to_another_domain(run_jobs, mailoutbox):
    UserFactory(email="x@straße.example")
    Client().post("/users/password/reset/", {"email": "x@straße.example"})
    run_jobs()

    (mail,) = mailoutbox
    assert mail.message()["To"] == "x@xn--strae-oqa.example"
    # The owner of the other domain has no account, so they get an email that says so.
    Client().post("/users/password/reset/", {"email": "x@strasse.example"})
    run_jobs()
    assert "password/reset/key" not in mailoutbox[1].body


@pytest.mark.django_db
@pytest.mark.parametrize("typed", NO_ADDRESSES)
def test_password_reset_explains_an_invalid_address(typed):
    response = Client().post("/users/password/reset/", {"email": typed})

    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["email"]
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("typed", SPELLINGS_OF_MUNICH)
def test_a_new_address_is_stored_and_confirmed_in_canonical_form(
    member, member_client, run_jobs, mailoutbox, typed
):
    data = {"action_add": "", "email": typed}
    member_client.post(member_client.post("/users/email/", data).url, {"password": PASSWORD})
    member_client.post("/users/email/", data)
    run_jobs()
    member_client.post(link_in(mailoutbox[-1]))

    assert User.objects.get(pk=member.pk).email == MUNICH
    assert EmailAddress.objects.get().email == MUNICH


def test_the_members_own_address_in_another_spelling_is_not_a_new_one(ada):
    client = Client()
    client.force_login(ada)
    response = client.post("/users/email/", {"action_add": "", "email": "ada@münchen.example"})

    assert response.context["form"].errors["email"]
    assert EmailAddress.objects.get().email == MUNICH


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("typed", SPELLINGS_OF_MUNICH)
def test_a_login_code_is_sent_for_any_spelling(ada, settings, run_jobs, mailoutbox, typed):
    settings.ACCOUNT_LOGIN_BY_CODE_ENABLED = True
    Client().post("/users/login/code/", {"email": typed})
    run_jobs()

    assert mailoutbox[0].to == [MUNICH]
    assert mailoutbox[0].subject.startswith("Your login code")


@pytest.mark.urls(__name__)
def test_a_login_code_is_not_sent_to_an_unconfirmed_new_address(member, settings, run_jobs, mailoutbox):
    settings.ACCOUNT_LOGIN_BY_CODE_ENABLED = True
    EmailAddress.objects.create(user=member, email="victim@example.org")
    Client().post("/users/login/code/", {"email": "victim@example.org"})
    run_jobs()

    assert mailoutbox[0].subject.startswith("No account")


@pytest.mark.django_db
@pytest.mark.parametrize("typed", SPELLINGS_OF_MUNICH)
def test_accounts_created_in_code_have_the_canonical_form(typed):
    users = [
        lambda: User.objects.create_user("grace", typed, PASSWORD),
        lambda: User.objects.create_superuser("grace", typed, PASSWORD),
        lambda: User.objects.create(username="grace", email=typed),
    ]
    for create in users:
        assert create().email == MUNICH
        assert set(EmailAddress.objects.values_list("email", flat=True)) <= {MUNICH}
        User.objects.all().delete()
    assert User.objects.normalize_email(typed) == MUNICH


@pytest.mark.django_db
@pytest.mark.parametrize("typed", NO_ADDRESSES)
def test_code_cannot_store_an_invalid_address(typed):
    with pytest.raises(ValidationError):
        User.objects.create_user("grace", typed, PASSWORD)
    with pytest.raises(ValidationError, match="email"):
        User.objects.create(username="grace", email=typed)
    assert not User.objects.exists()


def test_the_command_line_finds_a_taken_address_in_any_spelling(ada, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "x")
    for email in ("ada@münchen.example", "ada@xn--mnchen-3ya.example", "ada@MÜNCHEN.example"):
        with pytest.raises(CommandError, match="taken"):
            call_command("createsuperuser", interactive=False, username="edd", email=email, verbosity=0)
    with pytest.raises(CommandError, match="domain name"):
        call_command("createsuperuser", interactive=False, username="edd", email="a@ab--cd.org", verbosity=0)


@pytest.mark.django_db
def test_a_test_email_goes_to_the_domain_that_was_typed(mailoutbox):
    call_command("send_test_mail", "x@straße.example", "new_follower", stdout=StringIO())
    assert mailoutbox[0].to == ["x@xn--strae-oqa.example"]
    with pytest.raises(CommandError, match="not an email address. That isn't a domain name"):
        call_command("send_test_mail", "x@exam\u200dple.org", "new_follower")


# Rows of older releases, which had no canonical form.


def store_as_before(user, email):
    """Give `user` that address as older releases stored it."""
    User.objects.filter(pk=user.pk).update(email=email)
    EmailAddress.objects.filter(user=user).update(email=email)
    AccountSnapshot.objects.filter(pk=user.pk).update(email=email)
    return user


def as_stored(user):
    user.refresh_from_db()
    return user.email, list(user.emailaddress_set.values_list("email", "verified"))


def migrate():
    import_module("accounts.migrations.0013_canonical_emails").make_canonical(
        FormerApps(), mock.Mock(connection=connection)
    )


@pytest.mark.parametrize("before", ["ada@straße.example", "ada@exam\u200dple.org", "adä@example.org"])
def test_an_old_address_is_never_emailed_at_another_domain(
    member, member_client, bob, run_jobs, mailoutbox, before
):
    store_as_before(member, before)
    bob.follow(member)
    run_jobs()

    if "ß" in before:
        assert mailoutbox[0].message()["To"] == "ada@xn--strae-oqa.example"
    else:
        assert mailoutbox == []
        delivery = Delivery.objects.get()
        assert delivery.state == Delivery.State.REFUSED
        assert delivery.answer
        # The owner gets a message, and can try again.
        assert SuppressedAddress.matching(before).exists()
        assert member_client.get("/users/settings/").context["suppressed"].answer == delivery.answer


def test_an_old_address_is_suppressed_by_its_canonical_form(member, member_client, bob, run_jobs, mailoutbox):
    store_as_before(member, "ada@münchen.example")
    SuppressedAddress.suppress("ADA@münchen.example", "550 no such user")
    bob.follow(member)
    run_jobs()

    assert mailoutbox == []
    assert SuppressedAddress.objects.get().address == MUNICH
    assert "550 no such user" in member_client.get("/users/settings/").content.decode()
    member_client.post(reverse("accounts:trust-address"))
    assert not SuppressedAddress.objects.exists()


@pytest.mark.parametrize("before", ["ada@münchen.example", "adä@example.org", '"ada"@example.org'])
def test_an_account_with_an_old_address_can_be_used_and_saved(member, before):
    UserFactory(username="other", email=MUNICH)
    store_as_before(member, before)
    client = Client()
    client.post("/users/login/", {"login": "ada", "password": PASSWORD})
    response = client.post("/users/settings/profile/", {"display_name": "Ada", "bio": "Still here."})
    assert response.status_code == 302

    member.refresh_from_db()
    member.full_clean(exclude=["email"])
    member.save()
    assert as_stored(member)[0] == before
    assert member.bio == "Still here."


def test_an_old_address_without_a_canonical_form_works_for_login(client, member):
    store_as_before(member, "adä@example.org")
    client.post("/users/login/", {"login": "Adä@example.org", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(member.pk)


def test_the_migration_makes_old_addresses_canonical_without_emailing_their_owners(
    member, run_jobs, mailoutbox
):
    store_as_before(member, "a\u200bda@münchen.example")
    EmailAddress.objects.create(user=member, email="new@Bücher.example")
    SuppressedAddress.objects.create(address="x@bücher.example", answer="550")
    migrate()

    assert as_stored(member) == (
        MUNICH,
        [(MUNICH, True), ("new@xn--bcher-kva.example", False)],
    )
    assert SuppressedAddress.objects.get().address == "x@xn--bcher-kva.example"
    assert not AccountSnapshot.outdated(User.objects.values("pk"))


def test_the_migration_asks_to_confirm_an_address_that_was_confirmed_at_another_domain(member, caplog):
    store_as_before(member, "x@straße.example")
    migrate()

    assert as_stored(member) == (
        "x@xn--strae-oqa.example",
        [("x@xn--strae-oqa.example", False)],
    )
    assert "has to confirm" in caplog.text


@pytest.mark.django_db
def test_if_two_accounts_share_an_address_the_migration_prefers_the_confirmed_and_then_the_older(caplog):
    older, confirmed = (UserFactory(username=name) for name in ("older", "confirmed"))
    store_as_before(older, "ada@münchen.example")
    older.emailaddress_set.update(verified=False)
    store_as_before(confirmed, "a\u200bda@münchen.example")
    migrate()

    assert as_stored(confirmed)[0] == MUNICH
    assert as_stored(older)[0] == "ada@münchen.example"
    assert f"Account {older.pk} keeps its address" in caplog.text
    assert "belongs to another account" in caplog.text


@pytest.mark.django_db
def test_the_migration_leaves_ambiguous_addresses(caplog):
    canonical, spelled, impossible = (UserFactory(username=f"person_{n}") for n in range(3))
    store_as_before(canonical, MUNICH)
    store_as_before(spelled, "ada@münchen.example")
    store_as_before(impossible, "adä@example.org")
    EmailAddress.objects.create(user=canonical, email="adä@example.org")
    EmailAddress.objects.create(user=canonical, email="ada@münchen.example")
    migrate()

    assert as_stored(canonical) == (MUNICH, [(MUNICH, True)])
    assert as_stored(spelled) == ("ada@münchen.example", [("ada@münchen.example", True)])
    assert as_stored(impossible) == ("adä@example.org", [("adä@example.org", True)])
    assert caplog.text.count(" as it is: ") == 2


@pytest.mark.django_db
def test_the_migration_respects_an_address_that_another_account_has_confirmed():
    """Another project may allow members several addresses."""
    member, other = UserFactory(username="ada"), UserFactory(username="bob")
    store_as_before(member, "ada@münchen.example")
    EmailAddress.objects.create(user=other, email=MUNICH, verified=True)
    with transaction.atomic():
        migrate()
    assert as_stored(member)[0] == "ada@münchen.example"


@pytest.mark.django_db
def test_a_queued_email_goes_to_the_intended_domain(run_jobs, mailoutbox):
    outbox.enqueue_rendered("account/email/login_code", "x@straße.example", "Hi", "Hi", "")
    run_jobs()
    assert mailoutbox[0].to == ["x@xn--strae-oqa.example"]
