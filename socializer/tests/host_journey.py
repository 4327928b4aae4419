"""What members, moderators and operators do in a host. socializer/tests/test_reuse.py runs this with the host's settings."""

# ruff: noqa: E402 (Django is set up before models are imported)

import re
import sys
import time

import django

django.setup()

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import reverse

from accounts.emails.samples import all_samples
from accounts.moderation.models import Report
from accounts.security.models import RateLimitCounter

setup_test_environment()
PASSWORD = "correct horse 1"  # noqa: S105
PREFIX = settings.FORCE_SCRIPT_NAME or ""
WITH_POSTS = apps.is_installed("posts")
User = get_user_model()


class Browser(Client):
    """A client that checks that everything on a page is below the mount point."""

    def generic(self, method, path, *args, **kwargs):
        return super().generic(method, path.removeprefix(PREFIX), *args, **kwargs)

    def page(self, name, *args, status=200):
        """Return the page at a path, or at the URL with that name."""
        path = name if name.startswith("/") else reverse(name, args=args)
        response = self.get(path)
        assert response.status_code == status, (path, response.status_code, response.get("Location"))
        html = response.content.decode()
        for url in re.findall(r'(?:href|src|action)="(/[^"]*)"', html):
            assert is_below_mount_point(url), (path, url)
        return html

    def send(self, name, *args, **data):
        """Submit a form and return the page that it leads to."""
        response = self.post(reverse(name, args=args), data)
        assert response.status_code == 302, (name, response.status_code, response.content.decode()[-2000:])
        assert is_below_mount_point(response["Location"]), (name, response["Location"])
        return self.page(response["Location"])


def is_below_mount_point(path):
    return path.startswith(f"{PREFIX}/") and not (PREFIX and path.startswith(PREFIX * 2))


def emails_to(person):
    call_command("worker", batch=True)
    return [message for message in mail.outbox if message.to == [person.email]]


call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
bob = User.objects.create_user("bob", "bob@example.org", PASSWORD)

# Sign-up, and what a visitor can see
visitor, ada_browser = Browser(), Browser()
visitor.page("accounts:settings", status=302)
visitor.page("accounts:index", status=302)
if settings.TEMPLATES[0]["DIRS"]:
    assert "The club has no such page." in visitor.page(f"{PREFIX}/nowhere/", status=404)
signup = {"username": "Ada", "email": "ada@example.org", "password1": PASSWORD, "time_zone": "Asia/Tokyo"}
assert "Welcome, @ada" in ada_browser.send("account_signup", **signup)
people = ada_browser.send("accounts:welcome", display_name="Ada")
ada = User.objects.get(username="ada")
assert ada.language == "", ada.language  # The default of the site, not pinned
assert (ada.display_name, ada.time_zone) == ("Ada", "Asia/Tokyo")
assert "@bob" in people
own_design = getattr(settings, "BASE_TEMPLATE", "") == "club/members.html"
assert ("The club's own header" if own_design else "Book Club") in people
if getattr(settings, "BASE_TEMPLATE", "") == "club/ours.html":
    assert "<p>ada at Book Club</p>" in people
    assert "<p> at Book Club</p>" in visitor.page("account_login")
assert "accounts/site.css" in people
assert "accounts/follow.js" in people

# Following, and the emails about it
ada_browser.send("accounts:follow", "bob")
assert "@ada" in [message.subject for message in emails_to(bob)][0]
if apps.is_installed("club"):
    (thanks,) = [message for message in emails_to(ada) if message.subject == "You follow @bob"]
    assert "List-Unsubscribe" in thanks.extra_headers
    assert f"{settings.SITE_URL}{PREFIX}/users/unsubscribe/" in thanks.body, thanks.body
    assert "I follow someone" in ada_browser.page("accounts:settings-emails")
    assert "I follow someone: " in ada_browser.page("accounts:notifications")
    assert "you follow @grace" in ada_browser.page("accounts:email-preview", "thanks")

# Every registered type is sent once.
mail.outbox.clear()
call_command("send_test_mail", "ada@example.org", "all")
assert len(mail.outbox) == len(all_samples()), len(mail.outbox)
for message in mail.outbox:
    for url in re.findall(re.escape(settings.SITE_URL) + r"([^\s\"<>]*)", message.body):
        assert is_below_mount_point(f"{url}/"), (message.subject, url)

# Pages of members
for name, *args in (
    ("accounts:followers", "bob"), ("accounts:following", "ada"), ("accounts:settings",), ("accounts:settings-profile",),
    ("accounts:settings-emails",), ("accounts:settings-locale",), ("accounts:blocks",), ("accounts:mutes",),
    ("accounts:notifications",),
    ("account_email",), ("account_change_password",), ("accounts:leave",),
):  # fmt: skip
    ada_browser.page(name, *args)
assert ada_browser.get(reverse("accounts:index"), headers={"accept-language": "de"}).status_code == 200
chinese = Browser().get(reverse("account_login"), headers={"accept-language": "zh-CN"})
assert ("登录" in chinese.content.decode()) == (settings.LANGUAGE_CODE != "de")

# Write and read
if WITH_POSTS:
    home = ada_browser.send("posts:add", content="Hello @bob, this is #1")
    assert "Hello" in home
    assert f'href="{PREFIX}/@bob/"' in home
    for name, *args in (
        ("posts:home",), ("posts:explore",), ("posts:profile", "ada"), ("posts:author-feed", "ada"), ("posts:feeds",),
    ):  # fmt: skip
        for browser in (ada_browser, visitor):
            status = 302 if browser is visitor and name == "posts:feeds" else 200
            browser.page(name, *args, status=status)
    assert ada_browser.get(reverse("posts:export")).status_code == 200

# A report, and moderation in the admin
moderator = User.objects.create_user("grace", "grace@example.org", PASSWORD)
moderator.add_email_address(verified=True)
if apps.is_installed("django.contrib.admin"):
    call_command("appoint_moderator", "grace")
    login = visitor.get(reverse("admin:login"))
    assert reverse("account_login") in login["Location"]
    grace_browser = Browser()
    grace_browser.send("account_login", login="grace", password=PASSWORD)
    if apps.is_installed("allauth.mfa"):
        refused = grace_browser.get(reverse("admin:index"), follow=True)
        assert refused.redirect_chain[-1][0] == reverse("mfa_index"), refused.redirect_chain
        from allauth.mfa.totp.internal import auth as totp

        grace_browser.send("account_reauthenticate", password=PASSWORD)
        secret = re.search(r"[A-Z2-7]{32}", grace_browser.page("mfa_activate_totp"))[0]

        def code():
            return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))

        grace_browser.send("mfa_activate_totp", code=code())
        assert "grace" in grace_browser.page("admin:index")
        again = Browser()
        response = again.post(reverse("account_login"), {"login": "grace", "password": PASSWORD})
        assert reverse("mfa_authenticate") in response["Location"], response["Location"]
    grace_browser.page("admin:accounts_user_changelist")
    for name, *args in (("moderation",), ("moderation-person", "ada"), ("moderation-record",)):
        grace_browser.page(f"admin:{name}", *args)
    if WITH_POSTS:
        from posts.models import Post

        post = Post.objects.get()
        bob_browser = Browser()
        bob_browser.force_login(bob)
        bob_browser.send("posts:report", post.pk, reason="spam")
        queue = grace_browser.page("admin:moderation")
        assert "Hello" in queue
        card = re.search(r'name="card" value="(post-[^"]+)"', queue)[1]
        data = {"card": card, "decision": "hide", "reason": "It is spam."}
        grace_browser.post(reverse("admin:moderation"), data)
        post.refresh_from_db()
        assert post.hidden_on, "not hidden"
        assert "Hello" not in visitor.page("posts:explore")
if apps.is_installed("club"):
    from club.models import Book

    book = Book.objects.create(owner=bob, title="A book")
    assert "A book" in ada_browser.page("report-book", book.pk)
    ada_browser.post(reverse("report-book", args=[book.pk]), {"reason": "spam"})
    assert Report.objects.about(book).count() == 1

# Operators
call_command("seed_users", count=20, follows=3, verbosity=0)
if WITH_POSTS:
    call_command("seed_posts", count=30, verbosity=0)
call_command("audit", verbosity=0)
call_command("prune", verbosity=0)

# Leaving, and coming back
ada_browser.post(reverse("account_logout"))
for attempt in range(21):
    wrong = Browser().post(reverse("account_login"), {"login": "bob", "password": f"wrong {attempt}"})
assert wrong.status_code == 429, wrong.status_code
RateLimitCounter.objects.all().delete()
ada_browser.send("account_login", login="ADA", password=PASSWORD)
ada_browser.send("accounts:leave", password=PASSWORD, sure="on")
assert not User.objects.filter(username="ada").exists()
call_command("worker", batch=True)
assert "redis" not in sys.modules
print("walked")
