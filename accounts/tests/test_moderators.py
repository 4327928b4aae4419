"""The command that makes members moderators. What moderators can do is tested in socializer/tests/test_admin.py."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from accounts.moderation import permissions
from accounts.tests.factories import UserFactory


def appoint(name, **options):
    out = StringIO()
    call_command("appoint_moderator", name, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def mo(db):
    return UserFactory(username="mo")


def test_a_moderator_gets_the_permissions_that_the_apps_register(mo):
    assert "is now a moderator" in appoint("@mo")

    mo = User.objects.get()
    assert mo.is_staff
    assert mo.get_all_permissions() == permissions.names()
    assert {"accounts.change_user", "posts.change_post"} <= permissions.names()


def test_the_next_appointment_updates_the_permissions_of_all(mo, monkeypatch):
    appoint("mo")
    monkeypatch.setattr(permissions, "_codenames", permissions._codenames | {"posts": ["view_post"]})
    UserFactory(username="eve")
    appoint("eve")

    assert Group.objects.count() == 1
    assert "posts.change_post" not in User.objects.get(username="mo").get_all_permissions()


def test_a_moderator_can_be_dismissed(mo):
    appoint("mo")
    client = Client()
    client.force_login(mo)
    assert client.get("/admin/posts/post/").status_code == 200
    assert "no longer a moderator" in appoint("mo", dismiss=True)

    mo = User.objects.get()
    assert not mo.is_staff
    assert not mo.groups.exists()
    assert client.get("/admin/posts/post/").status_code == 302


def test_only_members_are_appointed(db):
    with pytest.raises(CommandError, match="no member @nobody"):
        appoint("nobody")
