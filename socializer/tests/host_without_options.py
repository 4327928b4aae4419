"""What is there, and what isn't, in a host that leaves out two-step login, the list of sessions or the admin."""

# ruff: noqa: E402 (Django is set up before models are imported)

import json
from io import BytesIO
from zipfile import ZipFile

import django

django.setup()

from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import is_valid_path

from accounts.models import User
from accounts.security.models import AccountSnapshot

setup_test_environment()
call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)

with_mfa, with_sessions = map(apps.is_installed, ("allauth.mfa", "allauth.usersessions"))
with_posts = apps.is_installed("posts")
PASSWORD, NEW = "correct horse 1", "battery staple 2"


def walk(client, path, data=None, status=302):
    response = client.get(path) if data is None else client.post(path, data)
    assert response.status_code == status, (path, response.status_code, response.content)
    return response


visitor, client, other = Client(), Client(), Client()
for path in ("/users/", "/users/settings/", "/users/leave/", "/users/email/"):
    assert walk(visitor, path).url == f"/users/login/?next={path}"
assert ("passkey_login" in walk(visitor, "/users/login/", status=200).content.decode()) == with_mfa
assert bool(is_valid_path("/users/2fa/")) == with_mfa
assert bool(is_valid_path("/users/sessions/")) == with_sessions

bob = User.objects.create_user("bob", "bob@example.org", PASSWORD)
walk(client, "/users/signup/", {"username": "ada", "email": "ada@example.org", "password1": PASSWORD})
ada = User.objects.get(username="ada")
walk(client, "/users/logout/", {})
walk(client, "/users/login/", {"login": "ada", "password": PASSWORD})
walk(other, "/users/login/", {"login": "bob", "password": PASSWORD})

page = walk(client, "/users/settings/", status=200).content.decode()
assert ("Two-step login" in page) == with_mfa
assert ("logged in</a>" in page) == with_sessions
for path in (
    "/users/",
    "/users/settings/profile/",
    "/@bob/followers/",
    "/users/email/",
    "/users/password/change/",
    "/users/leave/",
):
    walk(client, path, status=200)
walk(client, "/@bob/follow/", {})
if with_posts:
    walk(client, "/posts/add/", {"content": "Hello @bob"})
    for path in ("/", "/explore/", "/@ada/", "/users/feeds/"):
        walk(client, path, status=200)
    archive = ZipFile(BytesIO(b"".join(walk(client, "/users/export/", status=200).streaming_content)))
    assert ("sessions.json" in archive.namelist()) == with_sessions
    assert ("sessions.json" in archive.read("README.txt").decode()) == with_sessions
    assert "security.json" in archive.read("README.txt").decode()
    assert json.loads(archive.read("security.json"))["two_step_login"] == []

change = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
walk(client, "/users/password/change/", change)
call_command("worker", batch=True, verbosity=0)
assert any(m.to == ["bob@example.org"] and "@ada" in m.subject for m in mail.outbox), mail.outbox
(security,) = [m for m in mail.outbox if m.subject == "Your password was changed"]
html = security.alternatives[0][0]
assert "/users/password/reset/" in security.body
assert "/users/password/reset/" in html
assert ("/users/sessions/" in security.body) == ("/users/sessions/" in html) == with_sessions
assert ("log out everywhere else" in security.body) == ("log out everywhere else" in html) == with_sessions

if with_mfa:
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    TOTP.activate(bob, generate_totp_secret())
    assert AccountSnapshot.from_user(bob).authenticators.startswith("totp:")
if apps.is_installed("django.contrib.admin"):
    from django.contrib import admin

    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    # Two-step login can't be required where there is none.
    response = client.get("/admin/", follow=True)
    assert (response.request["PATH_INFO"] == "/users/2fa/") == with_mfa, response.request["PATH_INFO"]
    assert "Book Club" in response.content.decode()
    models = {model._meta.label for model in admin.site._registry}
    assert ("mfa.Authenticator" in models) == with_mfa
    assert "usersessions.UserSession" not in models
    assert visitor.get("/admin/", follow=True).request["PATH_INFO"] == "/users/login/"

walk(other, "/users/", status=200)
assert bob.suspend()
assert walk(other, "/users/").url == "/users/login/?next=/users/"

call_command("prune", dry_run=True, verbosity=0)
call_command("prune", verbosity=0)
call_command("audit")
walk(client, "/users/leave/", {"password": NEW, "sure": "on"})
assert not User.objects.filter(username="ada").exists()
call_command("worker", batch=True, verbosity=0)
call_command("audit")
print("walked")
