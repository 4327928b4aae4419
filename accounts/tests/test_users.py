import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import signals
from accounts.avatars import identicon
from accounts.models import User
from accounts.tests.factories import UserFactory


def test_suspending_bars_and_ends_all_sessions(member, member_client):
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

    # The old cookie stays worthless.
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
def test_the_database_refuses_what_must_never_be(changes):
    user = UserFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=user.pk).update(**changes)


@pytest.mark.django_db
def test_several_people_may_have_no_address():
    assert UserFactory(email=None).email is None
    assert UserFactory(email="").email is None


@pytest.mark.django_db
def test_an_administrator_made_on_the_command_line_has_a_confirmed_address(monkeypatch):
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
def test_a_taken_address_on_the_command_line_is_a_sentence(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "x")
    UserFactory(email="ed@example.org")

    with pytest.raises(CommandError, match="taken"):
        call_command(
            "createsuperuser", interactive=False, username="edd", email="Ed@example.org", verbosity=0
        )
    assert not User.objects.filter(username="edd").exists()


def test_everyone_has_a_picture_of_their_own_that_stays():
    pictures = {name: str(identicon(name)) for name in ("ada", "bob", "x" * 40)}

    assert len(set(pictures.values())) == 3
    identicon.cache_clear()
    assert str(identicon("ada")) == pictures["ada"]


def test_a_person_is_called_by_display_name_or_else_by_username():
    assert User(username="ada", display_name="Ada Lovelace").name == "Ada Lovelace"
    assert User(username="ada").name == "ada"
    assert str(User(username="ada")) == "@ada"
