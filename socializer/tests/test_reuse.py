"""The apps in somebody else's project: its own settings and addresses, our templates, one of them overridden."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SETTINGS = """
from pathlib import Path
from django.urls import reverse

SECRET_KEY = "not-so-secret"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bare_urls"
USE_TZ = True
LOCALE_PATHS = ["%(root)s/socializer/locale"]
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
STATIC_URL = "static/"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
WITH_POSTS = %(with_posts)r
INSTALLED_APPS = [
    *(["posts"] if WITH_POSTS else []), "welcome",
    "accounts", "allauth", "allauth.account", "allauth.mfa", "allauth.usersessions", "django_htmx", "django_tasks",
    "django_tasks_db", "heroicons", "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.humanize", "django.contrib.messages", "django.contrib.sessions", "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.middleware.MemberMiddleware",
    "accounts.middleware.DeviceMiddleware",
    "accounts.middleware.RateLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.NotFoundMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.ConflictMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [Path(__file__).parent / "overrides", "%(root)s/templates"],
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
        "accounts.context_processors.site",
    ]},
}]
TASKS = {"default": {"BACKEND": "accounts.jobs.backend.JobBackend"}}
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/users/"
if WITH_POSTS:
    ABSOLUTE_URL_OVERRIDES = {"accounts.user": lambda user: reverse("posts:profile", args=[user.username])}
    HOME_TIMELINE = "posts.timelines.normalized.NormalizedTimeline"
    EDIT_MINUTES = 15
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"login": "accounts.forms.LoginForm", "signup": "accounts.forms.SignupForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_USERNAME_VALIDATORS = "accounts.validators.username_validators"
SITE_NAME = "Somebody else's"
SITE_URL = "http://testserver"
SESSION_ENGINE = "accounts.sessions"
MESSAGE_STORAGE = "accounts.messages.MessageStorage"
"""

# An app of their own that mails on an event: what ARCHITECTURE.md shows.
WELCOME = {
    "__init__.py": "",
    "apps.py": """
from django.apps import AppConfig

class WelcomeConfig(AppConfig):
    name = "welcome"

    def ready(self):
        from accounts.signals import user_followed
        from welcome import emails, receivers
        user_followed.connect(receivers.mail_thanks, dispatch_uid="welcome.mail_thanks")
""",
    "receivers.py": """
from accounts.emails import outbox

def mail_thanks(sender, follow, **kwargs):
    outbox.mail("thanks", follow.follower, key=str(follow.pk), whom=follow.followed.username)
""",
    "emails.py": """
from accounts.emails.kinds import MailKind, register

@register
class Thanks(MailKind):
    name = "thanks"
    label = "I follow somebody"
    template = "welcome/email/thanks"

    def content(self, recipient, whom):
        return {"whom": whom}

    def sample(self, recipient):
        return {"whom": "grace"}
""",
    "templates/welcome/email/thanks_subject.txt": "You follow @{{ whom }}",
    "templates/welcome/email/thanks_body.txt": """{% extends "email_base.txt" %}
{% block letter %}Hello {{ recipient.name }}, you follow @{{ whom }}.{% endblock %}""",
    "templates/welcome/email/thanks_body.html": """{% extends "email_base.html" %}
{% block letter %}<h1>Hello {{ recipient.name }}, you follow @{{ whom }}.</h1>{% endblock %}""",
}

URLS = """
from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    *([path("", include("posts.urls"))] if settings.WITH_POSTS else []),
    path("", include("accounts.urls")),
    path("users/", include("accounts.allauth_urls")),
    path("admin/", admin.site.urls),
]
"""

JOURNEY = """
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.test.utils import setup_test_environment
setup_test_environment()
call_command("check")
call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)

from django.core import mail
from django.test import Client
from accounts.models import User

bob = User.objects.create_user("bob", "bob@example.org", "correct horse")
client = Client()
answer = client.post("/users/signup/", {"username": "Ada", "email": "ada@example.org", "password1": "correct horse 1"})
assert answer.status_code == 302, answer.content
people = client.get("/users/").content.decode()
assert "Somebody else" in people and "@bob" in people and "Overridden search" in people, people
assert "关注别人" in client.get("/users/", headers={"accept-language": "zh-CN"}).content.decode()
assert client.post("/@bob/follow/").status_code == 302
call_command("worker", batch=True)
assert "@ada" in [m for m in mail.outbox if m.to == ["bob@example.org"]][0].subject
thanks = [m for m in mail.outbox if m.to == ["ada@example.org"] and m.subject == "You follow @bob"]
assert len(thanks) == 1 and "List-Unsubscribe" in thanks[0].extra_headers and "/users/unsubscribe/" in thanks[0].body
assert "I follow somebody" in client.get("/users/settings/").content.decode()
assert "you follow @grace" in client.get("/users/settings/mail/thanks/").content.decode()
for path in ("/@bob/followers/", "/@ada/following/", "/users/settings/", "/users/email/", "/users/2fa/", "/users/leave/"):
    assert client.get(path).status_code == 200, path
if settings.WITH_POSTS:
    assert client.post("/posts/add/", {"content": "Hello @bob"}).status_code == 302
    for path in ("/", "/explore/", "/@ada/", "/@bob/", "/@ada/feed.atom", "/unread/?after=1"):
        assert client.get(path).status_code == 200, path
    assert "Hello" in client.get("/").content.decode()
client.post("/users/logout/")
assert client.post("/users/login/", {"login": "ADA", "password": "correct horse 1"}).status_code == 302
print("walked")
"""


@pytest.mark.parametrize("with_posts", [False, True], ids=["accounts alone", "both"])
def test_a_project_of_ones_own(tmp_path, with_posts):
    (tmp_path / "bare_settings.py").write_text(SETTINGS % {"with_posts": with_posts, "root": ROOT})
    (tmp_path / "bare_urls.py").write_text(URLS)
    (tmp_path / "overrides/accounts").mkdir(parents=True)
    for name, text in WELCOME.items():
        file = tmp_path / "welcome" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    original = (ROOT / "templates/accounts/index.html").read_text()
    (tmp_path / "overrides/accounts/index.html").write_text(
        original.replace("Search names", "Overridden search")
    )

    walked = subprocess.run(  # noqa: S603
        [sys.executable, "-c", JOURNEY],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{tmp_path}:{ROOT}",
            "DJANGO_SETTINGS_MODULE": "bare_settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert walked.stdout.strip().endswith("walked"), walked.stderr[-3000:]
