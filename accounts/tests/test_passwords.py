"""A password matches however a keyboard composes it, and the number of hashes reveals nothing."""

import unicodedata
from unittest import mock

import pytest
from allauth.account.models import EmailAddress
from asgiref.sync import async_to_sync
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.core.management import call_command
from django.test import Client

from accounts.forms import SetPasswordForm
from accounts.models import User
from accounts.passwords import MAX_PREPARED_LENGTH, keep_session, prepared
from accounts.security import snapshots
from accounts.security.models import AccountSnapshot

COMPOSED = "Crème Brûlée für 2"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
# With a no-break space, an ideographic space and an em space.
SPACED = "Crème\u00a0Brûlée\u3000für\u20032"
SPELLINGS = [COMPOSED, DECOMPOSED, SPACED]
WRONG = "Crème Brulée für 2"


def log_in(login, password):
    """Return whether the login succeeded, and how many hashes it took."""
    client = Client()
    encode = MD5PasswordHasher.encode
    with mock.patch.object(MD5PasswordHasher, "encode", autospec=True, side_effect=encode) as encode:
        client.post("/users/login/", {"login": login, "password": password})
    return "_auth_user_id" in client.session, encode.call_count


def store(user, password):
    """Give `user` that password as older releases stored it, hashed as it was typed."""
    user.password = make_password(password)
    User.objects.filter(pk=user.pk).update(password=user.password)
    AccountSnapshot.objects.filter(pk=user.pk).update(password=user.password)


@pytest.mark.parametrize("typed", SPELLINGS)
def test_every_spelling_has_one_prepared_form(typed):
    assert prepared(typed) == COMPOSED


def test_preparing_changes_nothing_else():
    for password in (
        "ASCII only, With Case",
        " at the ends ",
        "ｆｕｌｌ",
        "ﬁ",
        "a\u200bb",
        "",
        None,
        b"bytes",
    ):
        assert prepared(password) == password


def test_a_very_long_text_is_not_normalized():
    long = "a" + "\u0301\u0316" * MAX_PREPARED_LENGTH
    with mock.patch("accounts.passwords.unicodedata.normalize") as normalize:
        assert prepared(long) is long
    assert not normalize.called
    assert len(prepared("e\u0301" * (MAX_PREPARED_LENGTH // 2))) == MAX_PREPARED_LENGTH // 2


@pytest.mark.parametrize("chosen", SPELLINGS)
@pytest.mark.parametrize("typed", SPELLINGS)
def test_a_password_works_in_every_spelling(member, chosen, typed):
    member.set_password(chosen)
    member.save()

    assert log_in("ada", typed)[0]
    assert not log_in("ada", WRONG)[0]


@pytest.mark.parametrize(
    "choose",
    [
        lambda: User.objects.create_user("grace", None, DECOMPOSED),
        lambda: User.objects.create_superuser("grace", None, DECOMPOSED),
        lambda: async_to_sync(User.objects.acreate_user)("grace", None, DECOMPOSED),
        lambda: Client().post(
            "/users/signup/", {"username": "grace", "email": "grace@example.org", "password1": DECOMPOSED}
        ),
    ],
)
@pytest.mark.django_db
def test_a_password_is_stored_in_one_form_wherever_it_is_set(choose):
    choose()
    assert User.objects.get().check_password(COMPOSED)


@pytest.mark.django_db
def test_a_password_is_stored_in_one_form_on_the_command_line(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", SPACED)
    call_command("createsuperuser", interactive=False, username="grace", email="g@example.org", verbosity=0)
    assert User.objects.get().check_password(COMPOSED)


@pytest.mark.parametrize("stored", [*SPELLINGS, "something else"])
@pytest.mark.parametrize("typed", [*SPELLINGS, WRONG, unicodedata.normalize("NFD", WRONG)])
def test_the_number_of_hashes_depends_only_on_what_is_typed(member, stored, typed):
    store(member, stored)
    entered, hashes = log_in("ada", typed)
    known_address = log_in("ada@example.org", typed)[1]
    unknown = {log_in(login, typed) for login in ("nobody", "nobody@example.org")}

    assert unknown == {(False, 1 if typed == prepared(typed) else 2)}
    assert (entered, hashes) in [(True, known_address), (False, known_address)]
    assert {(False, hashes)} == unknown
    # A password that was stored in another form only matches in that form.
    assert entered is (typed == stored or (stored == COMPOSED and typed in SPELLINGS))


def test_the_number_of_hashes_is_the_same_without_a_password(member):
    member.set_unusable_password()
    member.save()
    assert log_in("ada", COMPOSED) == (False, 1)
    assert log_in("ada", DECOMPOSED) == (False, 2)


@pytest.mark.parametrize("stored", [DECOMPOSED, SPACED])
def test_an_old_hash_is_replaced_at_login_without_an_email(member, run_jobs, mailoutbox, stored):
    store(member, stored)
    assert not log_in("ada", COMPOSED)[0]
    assert log_in("ada", stored)[0]
    run_jobs()
    mailoutbox.clear()

    member.refresh_from_db()
    assert all(member.check_password(typed) for typed in SPELLINGS)
    assert not AccountSnapshot.outdated(User.objects.values("pk"))
    snapshots.reconcile()
    run_jobs()
    assert mailoutbox == []


def test_a_session_survives_the_replacement(member):
    store(member, DECOMPOSED)
    client = Client()
    client.force_login(User.objects.get(pk=member.pk))
    # The page asks for the password first.
    response = client.post("/users/email/", {"action_add": "", "email": "new@example.org"})
    client.post(response.url, {"password": DECOMPOSED})

    assert client.get("/users/settings/").status_code == 200
    client.post("/users/email/", {"action_add": "", "email": "new@example.org"})
    assert EmailAddress.objects.filter(email="new@example.org").exists()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (
            "/users/password/change/",
            {"oldpassword": DECOMPOSED, "password1": "short", "password2": "short"},
        ),
        ("/users/leave/", {"password": DECOMPOSED}),
    ],
)
def test_a_session_survives_the_replacement_if_the_form_is_refused(member, path, form):
    store(member, DECOMPOSED)
    client = Client()
    client.force_login(User.objects.get(pk=member.pk))

    assert client.post(path, form).context["form"].errors
    member.refresh_from_db()
    assert member.check_password(COMPOSED)
    assert client.get("/users/settings/").status_code == 200


def test_only_the_members_own_session_is_kept(member, rf):
    request = rf.get("/")
    request.session = {SESSION_KEY: "0", HASH_SESSION_KEY: "another's"}
    keep_session(request, member)
    assert request.session[HASH_SESSION_KEY] == "another's"


@pytest.mark.parametrize("typed", SPELLINGS)
def test_forms_that_ask_for_the_password_accept_every_spelling(member, typed):
    member.set_password(COMPOSED)
    member.save()
    client = Client()
    client.force_login(member)
    new = {"password1": "another " + DECOMPOSED, "password2": "another " + COMPOSED}

    assert client.post("/users/password/change/", {"oldpassword": typed} | new).status_code == 302
    member.refresh_from_db()
    assert member.check_password("another " + SPACED)
    client.post("/users/leave/", {"password": "another " + typed, "sure": "on"})
    assert not User.objects.filter(pk=member.pk).exists()


def test_the_two_password_fields_can_be_typed_on_different_keyboards(member):
    form = SetPasswordForm(member, {"password1": DECOMPOSED, "password2": SPACED})
    assert form.is_valid()
    assert not SetPasswordForm(member, {"password1": DECOMPOSED, "password2": WRONG}).is_valid()


def test_the_length_is_measured_in_the_prepared_form(member):
    four = "e\u0301" * 4
    form = SetPasswordForm(member, {"password1": four, "password2": four})
    assert "at least 8" in str(form.errors["password1"])


def test_the_asynchronous_check_compares_in_the_same_way(member):
    store(member, DECOMPOSED)
    assert async_to_sync(member.acheck_password)(DECOMPOSED)
    assert async_to_sync(member.acheck_password)(SPACED)
