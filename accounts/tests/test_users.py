import re
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.contrib.staticfiles import finders
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import signals
from accounts.avatars import FEWEST, HUES, MOST, identicon, relative_luminance
from accounts.models import User
from accounts.tests.factories import UserFactory


def test_suspending_ends_all_sessions_and_prevents_login(member, member_client):
    events = []

    def remember(signal, user, **kwargs):
        events.append((signal, user.username))

    for signal in (signals.user_suspended, signals.user_reinstated):
        signal.connect(remember)
    try:
        assert member.suspend() is True
        assert member.suspend() is False
        assert member_client.get("/users/settings/").status_code == 302
        assert member.suspended_on
        assert not member.is_active

        assert member.reinstate() is True
        assert member.reinstate() is False
    finally:
        for signal in (signals.user_suspended, signals.user_reinstated):
            signal.disconnect(remember)

    # The old cookie no longer works.
    assert member_client.get("/users/settings/").status_code == 302
    assert events == [(signals.user_suspended, "ada"), (signals.user_reinstated, "ada")]
    assert member.is_active


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"username": "Ada"},
        {"email": "Ada@example.org"},
        {"email": ""},
        {"suspended_on": timezone.now(), "is_active": True},
    ],
)
def test_the_database_refuses_invalid_accounts(changes):
    user = UserFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=user.pk).update(**changes)


@pytest.mark.django_db
def test_several_people_can_have_no_address():
    assert UserFactory(email=None).email is None
    assert UserFactory(email="").email is None


@pytest.mark.django_db
def test_an_administrator_created_on_the_command_line_has_a_confirmed_address(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "x")
    call_command(
        "createsuperuser", interactive=False, username="Root_Ed", email="Ed@Example.org", verbosity=0
    )

    user = User.objects.get(username="root_ed")
    assert user.is_superuser
    assert EmailAddress.objects.filter(
        user=user, email="ed@example.org", verified=True, primary=True
    ).exists()


@pytest.mark.django_db
def test_a_taken_address_on_the_command_line_is_explained(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "x")
    UserFactory(email="ed@example.org")

    with pytest.raises(CommandError, match="taken"):
        call_command(
            "createsuperuser", interactive=False, username="edd", email="Ed@example.org", verbosity=0
        )
    assert not User.objects.filter(username="edd").exists()


def test_everyone_has_a_stable_identicon_of_their_own():
    pictures = {name: str(identicon(name)) for name in ("ada", "bob", "x" * 40)}

    assert len(set(pictures.values())) == 3
    identicon.cache_clear()
    assert str(identicon("ada")) == pictures["ada"]


def test_the_name_is_the_display_name_or_else_the_username():
    assert User(username="ada", display_name="Ada Lovelace").name == "Ada Lovelace"
    assert User(username="ada").name == "ada"
    assert str(User(username="ada")) == "@ada"


def contrast(one, other):
    dark, light = sorted(
        relative_luminance([int(c[n : n + 2], 16) / 255 for n in (1, 3, 5)]) for c in (one, other)
    )
    return (light + 0.05) / (dark + 0.05)


def test_identicons_are_recognisable_in_both_colour_schemes():
    sheet = Path(finders.find("accounts/site.css")).read_text()
    backgrounds = re.search(r"--mark: light-dark\((#\w+), (#\w+)\)", sheet).groups()
    pictures = [str(identicon(f"user_{number}")) for number in range(3000)]

    colours = {re.search('fill="(#[0-9a-f]{6})"', picture)[1] for picture in pictures}
    assert len(colours) == len(HUES)
    assert all(contrast(colour, mark) >= 3 for colour in colours for mark in backgrounds)
    assert {picture.count("M") for picture in pictures} <= set(range(FEWEST, MOST + 1))
    assert len(set(pictures)) > 2500


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["root", "Admin"])
def test_reserved_names_are_for_administrators(name, client):
    call_command("createsuperuser", interactive=False, username=name, email="r@example.org", verbosity=0)
    assert User.objects.get(username=name.lower()).is_superuser

    with pytest.raises(CommandError):
        call_command(
            "createsuperuser", interactive=False, username="not ok", email="x@example.org", verbosity=0
        )
    response = client.post(
        "/users/signup/", {"username": "support", "email": "s@example.org", "password1": "x" * 12}
    )
    assert response.context["form"].errors["username"]
