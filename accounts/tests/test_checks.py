"""The system checks: each unsuitable setting of a host project has a message, and no setting makes a check raise."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.conf.urls.i18n import i18n_patterns
from django.core.checks.registry import registry
from django.test.utils import override_script_prefix
from django.urls import include, path

from accounts import checks, defaults
from accounts.backends import AuthenticationBackend
from accounts.forms import LoginForm
from accounts.middleware import ConflictMiddleware, NotFoundMiddleware

# No check depends on the database engine that the tests use.
pytestmark = [
    pytest.mark.any_engine,
    pytest.mark.filterwarnings("ignore:Overriding setting:UserWarning"),
]

ROOT = Path(__file__).resolve().parents[2]
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
ENGLISH = ("en", "English")
MIDDLEWARE = django_settings.MIDDLEWARE
TEMPLATES = django_settings.TEMPLATES
BASE = "{% block title %}{% endblock %}{% block content %}{% endblock %}"
STYLES, SCRIPTS = '{% include "accounts/_styles.html" %}', '{% include "accounts/_scripts.html" %}'
SMTP = "django.core.mail.backends.smtp.EmailBackend"
SITE = {"DEBUG": False, "SITE_URL": "https://example.org"}
ADMIN_SITE = "accounts.admin_site"


class OwnBackend(AuthenticationBackend):
    pass


class OwnLoginForm(LoginForm):
    pass


class OwnConflictMiddleware(ConflictMiddleware):
    pass


class OwnNotFoundMiddleware(NotFoundMiddleware):
    pass


def run():
    """Return the messages of this app's checks."""
    own = [each for each in registry.get_checks() if each.__module__ == checks.__name__]
    return [message for each in own for message in each(app_configs=None)]


def ids():
    return sorted({message.id.removeprefix("accounts.") for message in run()})


def without(name):
    return [each for each in MIDDLEWARE if each != f"{name}Middleware"]


def moved(name, before):
    """Return MIDDLEWARE with one class right before another one."""
    name, before = f"{name}Middleware", f"{before}Middleware"
    rest = [each for each in MIDDLEWARE if each != name]
    place = rest.index(before)
    return [*rest[:place], name, *rest[place:]]


def replaced(old, new):
    return [new.__module__ + "." + new.__qualname__ if each == old else each for each in MIDDLEWARE]


def templates(**changes):
    """Return TEMPLATES with changed options, or without those that are None."""
    entry = {**TEMPLATES[0], "OPTIONS": {**TEMPLATES[0]["OPTIONS"], **changes.pop("OPTIONS", {})}, **changes}
    return [entry]


def with_base(text, **more):
    """Return settings whose BASE_TEMPLATE has that text."""
    loaders = [
        ("django.template.loaders.locmem.Loader", {"host.html": text, **more}),
        "django.template.loaders.filesystem.Loader",
        "django.template.loaders.app_directories.Loader",
    ]
    changed = templates(OPTIONS={"loaders": loaders})
    del changed[0]["APP_DIRS"]
    return {"BASE_TEMPLATE": "host.html", "TEMPLATES": changed}


def context_processors(without):
    names = TEMPLATES[0]["OPTIONS"]["context_processors"]
    return {
        "TEMPLATES": templates(OPTIONS={"context_processors": [name for name in names if name != without]})
    }


def urlconf(*patterns):
    """Return settings with a URLconf of these patterns. The caller puts it into sys.modules."""
    module = ModuleType("host_urls")
    module.urlpatterns = list(patterns)
    return {"ROOT_URLCONF": module, "RULES_URL": None}


ACCOUNTS_URLS, ALLAUTH_URLS = "accounts.urls", "accounts.allauth_urls"
POSTS = path("", include("posts.urls"))

CASES = {
    "their own user": (
        {"AUTH_USER_MODEL": "auth.User", "USER_SELECT_RELATED": []},
        {"E001"},
    ),
    # Middleware
    **{
        f"no {name}": ({"MIDDLEWARE": [each for each in MIDDLEWARE if each != name]}, {"E004"})
        for name in [*checks.DJANGO_MIDDLEWARE, *defaults.ACCOUNTS_MIDDLEWARE]
    },
    "no MIDDLEWARE": ({"MIDDLEWARE": None}, {"E004", "W002"}),
    "session after ours": (
        {
            "MIDDLEWARE": moved(
                "django.contrib.sessions.middleware.Session", "allauth.account.middleware.Account"
            )
        },
        {"E005"},
    ),
    "messages after ours": (
        {"MIDDLEWARE": moved("django.contrib.messages.middleware.Message", "accounts.middleware.NotFound")},
        {"E005"},
    ),
    "NotFoundMiddleware after allauth's": (
        {"MIDDLEWARE": moved("allauth.account.middleware.Account", "accounts.middleware.NotFound")},
        {"E005"},
    ),
    "ConflictMiddleware not last": (
        {"MIDDLEWARE": [*MIDDLEWARE, "django.middleware.common.CommonMiddleware"]},
        {"W011"},
    ),
    "twice": ({"MIDDLEWARE": ["accounts.middleware.MemberMiddleware", *MIDDLEWARE]}, {"E005", "E006"}),
    "twice, once as a subclass": (
        {"MIDDLEWARE": [*MIDDLEWARE, f"{__name__}.OwnConflictMiddleware"]},
        {"E006"},
    ),
    "no LocaleMiddleware": ({"MIDDLEWARE": without("socializer.middleware.Language")}, {"W002"}),
    # Classes
    "no backend": (
        {"AUTHENTICATION_BACKENDS": ["django.contrib.auth.backends.ModelBackend"]},
        {"E007"},
    ),
    "Django's sessions": ({"SESSION_ENGINE": "django.contrib.sessions.backends.db"}, {"W003"}),
    "Django's messages": (
        {"MESSAGE_STORAGE": "django.contrib.messages.storage.fallback.FallbackStorage"},
        {"W003"},
    ),
    "Django's upload handlers": (
        {"FILE_UPLOAD_HANDLERS": ["django.core.files.uploadhandler.MemoryFileUploadHandler"]},
        {"W008"},
    ),
    # allauth
    "allauth's adapter": ({"ACCOUNT_ADAPTER": "allauth.account.adapter.DefaultAccountAdapter"}, {"E008"}),
    "allauth's tokens": (
        {
            "ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR": "allauth.account.forms.EmailAwarePasswordResetTokenGenerator"
        },
        {"E008"},
    ),
    "login by username only": ({"ACCOUNT_LOGIN_METHODS": {"username"}}, {"E008"}),
    "no email at sign-up": ({"ACCOUNT_SIGNUP_FIELDS": ["username*", "password1*"]}, {"E008"}),
    "several addresses": ({"ACCOUNT_CHANGE_EMAIL": False}, {"E008"}),
    "upper case": ({"ACCOUNT_PRESERVE_USERNAME_CASING": True}, {"E008"}),
    "no validators": ({"ACCOUNT_USERNAME_VALIDATORS": None}, {"E008"}),
    "no rate limits": ({"ACCOUNT_RATE_LIMITS": False}, {"E008"}),
    "a rate limit fewer": (
        {"ACCOUNT_RATE_LIMITS": {**defaults.ACCOUNT_RATE_LIMITS, "login_failed": None}},
        {"W004"},
    ),
    "allauth's form": (
        {"ACCOUNT_FORMS": {**defaults.ACCOUNT_FORMS, "login": "allauth.account.forms.LoginForm"}},
        {"E009"},
    ),
    "no MFA_FORMS": ({"MFA_FORMS": {}}, {"E009"}),
    "no password validators": ({"AUTH_PASSWORD_VALIDATORS": []}, {"W012"}),
    # Jobs, database, files
    "no TASKS": ({"TASKS": None}, {"E010"}),
    "no default in TASKS": ({"TASKS": {"other": defaults.TASKS["default"]}}, {"E010"}),
    "immediate jobs": (
        {"TASKS": {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}},
        {"E010"},
    ),
    "no jobs": ({"TASKS": {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}}}, {"E010"}),
    "a backend that doesn't exist": ({"TASKS": {"default": {"BACKEND": "no.such.Backend"}}}, {"E010"}),
    "the library's backend": (
        {"TASKS": {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}},
        {"W001"},
    ),
    "naive times": ({"USE_TZ": False}, {"E011"}),
    "MySQL": ({"DATABASES": {"default": {"ENGINE": "django.db.backends.mysql"}}}, {"E012"}),
    "no database": ({"DATABASES": {}}, {"E012"}),
    "SQLite without options": ({"DATABASES": {"default": SQLITE}}, {"W005"}),
    "a deferred transaction": (
        {"DATABASES": {"default": {**SQLITE, "OPTIONS": {"transaction_mode": "DEFERRED"}}}},
        {"W005"},
    ),
    "pictures in the current folder": (
        {
            "MEDIA_ROOT": "",
            "STORAGES": {
                **django_settings.STORAGES,
                "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
            },
        },
        {"W007"},
    ),
    # Templates
    "no engine": ({"TEMPLATES": []}, {"E013"}),
    "another engine": (
        {"TEMPLATES": [{"BACKEND": "django.template.backends.dummy.TemplateStrings", "OPTIONS": {}}]},
        {"E013"},
    ),
    "no templates of apps": ({"TEMPLATES": templates(APP_DIRS=False)}, {"E013"}),
    **{f"no {name}": (context_processors(name), {"E014"}) for name in checks.CONTEXT_PROCESSORS},
    "no base template": ({"BASE_TEMPLATE": "no_such.html"}, {"E015"}),
    "a base template with an error": (with_base("{% block %}"), {"E015"}),
    "no title": (with_base(f"{STYLES}{SCRIPTS}{{% block content %}}{{% endblock %}}"), {"E016"}),
    "no content": (with_base(f"{STYLES}{SCRIPTS}{{% block title %}}{{% endblock %}}"), {"E016"}),
    "a block that its parent doesn't have": (
        with_base(
            '{% extends "parent.html" %}{% block content %}{% endblock %}',
            **{"parent.html": f"{STYLES}{SCRIPTS}{{% block title %}}{{% endblock %}}"},
        ),
        {"E016"},
    ),
    "a title in an included template, which pages can't fill": (
        with_base(
            f'{STYLES}{SCRIPTS}{{% include "part.html" %}}{{% block content %}}{{% endblock %}}',
            **{"part.html": "{% block title %}{% endblock %}"},
        ),
        {"E016"},
    ),
    "no styles": (with_base(SCRIPTS + BASE), {"W006"}),
    "no scripts": (with_base(STYLES + BASE), {"W006"}),
    "viewer.js without the viewer": (
        with_base(STYLES + '<script src="/static/accounts/viewer.js"></script>' + BASE),
        {"W006"},
    ),
    "scripts in a block that is replaced": (
        with_base(
            '{% extends "accounts/base.html" %}{% block scripts %}<script src="/x.js"></script>{% endblock %}'
        ),
        {"W006"},
    ),
    # Own settings
    **{
        f"{name} is {value!r}": ({name: value, "EMAIL_BACKEND": SMTP}, {"E017"})
        for name, values in {
            "SITE_NAME": ["", " ", 7],
            "CONTACT_EMAIL": [None],
            "SITE_URL": [
                "",
                "example.org",
                "https://example.org/",
                "https://example.org/path",
                "https://example.org?a",
                "https://me@example.org",
                "https://example.org:port",
                "ftp://example.org",
                "https://[",
            ],
            "ADMIN_REQUIRES_MFA": ["no"],
            "SUGGESTED_PEOPLE": ["ada", ["@ada"], ["Ada"], ["al"], [7], [None], None, ["ada"] * 51],
            "USER_SELECT_RELATED": ["read_marker", ["no_such"], ["follows"], ["username"], [7]],
            "SIGNUP_LIMIT": [None, "5/3600", (5,), (0, 3600), (True, 3600), (5.0, 3600)],
            "REPORT_LIMIT": [7],
            "PICTURE_MAX_BYTES": [0, "5 MB"],
            "PICTURE_MAX_PIXELS": [-1],
        }.items()
        for value in values
    },
    # URLs
    **{
        f"{name} is {value!r}": ({name: value}, {"E021"})
        for name, values in {
            "HOME_URL": ["no-such", "/no/such/", None, ""],
            "RULES_URL": ["no-such", ""],
            "LOGIN_URL": ["/accounts/login/"],
            "LOGIN_REDIRECT_URL": ["/accounts/profile/", None],
            "LOGOUT_REDIRECT_URL": ["no-such"],
            "ACCOUNT_SIGNUP_REDIRECT_URL": ["/accounts/profile/"],
        }.items()
        for value in values
    },
    "no accounts.urls": (
        urlconf(POSTS, path("users/", include(ALLAUTH_URLS))),
        {"E019"},
    ),
    "accounts.urls below another namespace": (
        urlconf(
            POSTS,
            path("users/", include(ALLAUTH_URLS)),
            path("", include(([path("", include(ACCOUNTS_URLS))], "people"))),
        ),
        {"E019"},
    ),
    "no accounts.allauth_urls": (
        urlconf(POSTS, path("", include(ACCOUNTS_URLS))),
        {"E019"},
    ),
    "allauth.urls": (
        urlconf(POSTS, path("", include(ACCOUNTS_URLS)), path("users/", include("allauth.urls"))),
        {"E019", "E020"},
    ),
    # Emails and languages
    "no email backend": ({"EMAIL_BACKEND": ""}, {"E022"}),
    "an email backend that doesn't exist": ({"EMAIL_BACKEND": "no.such.EmailBackend"}, {"E022"}),
    "emails on the console": (
        {**SITE, "EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"},
        {"W009"},
    ),
    "German only": ({"LANGUAGE_CODE": "de", "LANGUAGES": [("de", "Deutsch")]}, {"W010"}),
    "German and English": ({"LANGUAGES": [ENGLISH, ("de", "Deutsch")]}, {"W010"}),
    "German, and a site in Chinese": (
        {"LANGUAGE_CODE": "zh-hans", "LANGUAGES": [("zh-hans", "简体中文"), ("de", "Deutsch")]},
        {"W010"},
    ),
}

SUITABLE = {
    "nothing": {},
    "subclasses": {
        "MIDDLEWARE": [
            f"{__name__}.Own{each.rpartition('.')[2]}"
            if each.endswith((".NotFoundMiddleware", ".ConflictMiddleware"))
            else each
            for each in MIDDLEWARE
        ],
        "AUTHENTICATION_BACKENDS": [f"{__name__}.OwnBackend"],
        "ACCOUNT_FORMS": {**defaults.ACCOUNT_FORMS, "login": f"{__name__}.OwnLoginForm"},
    },
    "a base template of their own": with_base(STYLES + SCRIPTS + BASE),
    "one that extends ours, with scripts of its own": with_base(
        '{% extends "accounts/base.html" %}{% block scripts %}{{ block.super }}<script src="/x.js"></script>{% endblock %}'
    ),
    "one that is chosen when the page is rendered": with_base("{% extends parent %}"),
    "paths and other sites": {"HOME_URL": "/", "LOGOUT_REDIRECT_URL": "https://example.org/"},
    "no page after logging out": {"LOGOUT_REDIRECT_URL": None},
    "a path without its last slash": {"LOGIN_URL": "/users/login"},
    "paths to which a language is added": {
        **urlconf(
            POSTS,
            path("", include(ACCOUNTS_URLS)),
            path("users/", include(ALLAUTH_URLS)),
            *i18n_patterns(path("club/", lambda request: None)),
        ),
        "LOGIN_REDIRECT_URL": "/club/",
    },
    "a list as a limit, a port, a field at sign-up": {
        "SIGNUP_LIMIT": [5, 60],
        "SITE_URL": "https://example.org:8443",
        "EMAIL_BACKEND": SMTP,
        "ACCOUNT_SIGNUP_FIELDS": ["username*", "email*", "password1*", "password2*"],
    },
    "exclusive transactions": {
        "DATABASES": {"default": {**SQLITE, "OPTIONS": {"transaction_mode": "exclusive"}}}
    },
    "British English": {"LANGUAGE_CODE": "en-gb", "LANGUAGES": [("en-gb", "English")]},
    "one language without LocaleMiddleware": {
        "LANGUAGES": [ENGLISH],
        "MIDDLEWARE": without("socializer.middleware.Language"),
    },
}


@pytest.fixture
def change(settings, monkeypatch):
    """Return a function that changes settings."""

    def change(changes):
        if "TEMPLATES" not in changes:
            # It reads two hundred files and no other setting.
            monkeypatch.setattr(checks, "foreign_names", lambda *_: [])
        for name, value in changes.items():
            if name == "ROOT_URLCONF" and isinstance(value, ModuleType):
                monkeypatch.setitem(sys.modules, value.__name__, value)
                value = value.__name__
            if name == "AUTH_USER_MODEL":
                # Django itself changes its models when this setting changes, and then can't go back.
                monkeypatch.setattr(django_settings, name, value)
            else:
                setattr(settings, name, value)

    return change


@pytest.mark.parametrize("case", SUITABLE)
def test_suitable_settings_have_no_message(change, case):
    change(SUITABLE[case])
    assert run() == []


@pytest.mark.parametrize("case", CASES)
def test_unsuitable_settings_have_a_message_with_a_hint(change, case):
    changes, expected = CASES[case]
    change(changes)
    messages = run()
    assert {message.id.removeprefix("accounts.") for message in messages} == expected
    assert all(message.hint for message in messages)


def test_every_number_has_a_case():
    """The rest have tests of their own below."""
    source = set(checks_numbers())
    tested = {each for _changes, expected in CASES.values() for each in expected}
    assert source - tested == {"E002", "E003", "E018", "E023", "E024", "E025"}


def checks_numbers():
    source = Path(checks.__file__).read_text(encoding="utf-8")
    for kind, number in re.findall(r"_(error|warning)(?:\(|,)\s*(\d+),", source):
        yield f"{kind[0].upper()}{int(number):03}"


def test_a_site_on_the_internet_needs_its_address(settings):
    del settings.SITE_URL
    settings.DEBUG = True
    assert ids() == []
    settings.DEBUG = False
    assert ids() == ["E018"]


@pytest.mark.parametrize("name", [*defaults.ACCOUNTS_APPS, *checks.DJANGO_APPS])
def test_each_app_must_be_installed(monkeypatch, name):
    installed = [each for each in checks.installed_apps() if each != name]
    monkeypatch.setattr(checks, "installed_apps", lambda: installed)
    assert [message.id for message in run()] == ["accounts.E002"]


@pytest.mark.parametrize("name", checks.OVERRIDDEN_APPS)
def test_the_app_comes_before_those_whose_templates_it_overrides(monkeypatch, name):
    installed = [name, *(each for each in checks.installed_apps() if each != name)]
    monkeypatch.setattr(checks, "installed_apps", lambda: installed)
    assert [message.id for message in run()] == ["accounts.E003"]


def test_a_project_under_a_sub_path(settings):
    settings.FORCE_SCRIPT_NAME = "/community"
    with override_script_prefix("/community/"):
        assert ids() == []
        settings.HOME_URL = "/community/users/"
        settings.LOGOUT_REDIRECT_URL = "/"  # This is outside.
        assert ids() == []
        settings.HOME_URL = "/community/no/such/"
        assert ids() == ["E021"]


def test_an_admin_without_our_login_is_an_error(monkeypatch):
    found = SimpleNamespace(unguarded_admins=lambda: ["/admin/"], admins_without_mfa=list)
    monkeypatch.setitem(sys.modules, ADMIN_SITE, found)
    [message] = run()
    assert message.id == "accounts.E023"
    assert "/admin/" in message.msg
    assert message.hint


def test_an_admin_that_cannot_require_two_step_login_is_an_error(monkeypatch, settings):
    found = SimpleNamespace(unguarded_admins=list, admins_without_mfa=lambda: ["/admin/"])
    monkeypatch.setitem(sys.modules, ADMIN_SITE, found)
    settings.ADMIN_REQUIRES_MFA = False
    assert ids() == []
    settings.ADMIN_REQUIRES_MFA = True
    [message] = run()
    assert message.id == "accounts.E025"
    assert "/admin/" in message.msg
    assert message.hint


READ = sorted(
    {
        *checks.FORMS,
        *checks.ALLAUTH_SETTINGS,
        *checks.URL_SETTINGS,
        *checks.OPTIONAL_URL_SETTINGS,
        *(name for _message, _number, name, *_rest in checks.CLASSES),
        "ACCOUNT_FORMS",
        "AUTHENTICATION_BACKENDS",
        "AUTH_USER_MODEL",
        "BASE_TEMPLATE",
        "DATABASES",
        "DEBUG",
        "EMAIL_BACKEND",
        "FILE_UPLOAD_HANDLERS",
        "LANGUAGES",
        "LANGUAGE_CODE",
        "MEDIA_ROOT",
        "MFA_FORMS",
        "MIDDLEWARE",
        "STORAGES",
        "TASKS",
        "TEMPLATES",
        "USE_I18N",
        "USE_TZ",
    }
)


@pytest.mark.parametrize("name", READ)
def test_no_value_makes_a_check_fail(change, name):
    for value in (None, "", 7, [], object()):
        change({name: value})
        assert "E000" not in ids()


@pytest.mark.parametrize("name", ["DATABASES", "STORAGES", "TASKS"])
def test_no_nested_value_makes_a_check_fail(change, name):
    for value in (
        {},
        {"default": None},
        {"default": {}},
        {"default": {"BACKEND": 7, "ENGINE": 7, "OPTIONS": 7}},
    ):
        change({name: value})
        assert "E000" not in ids()


def test_a_check_that_fails_is_a_message(monkeypatch, settings):
    settings.ROOT_URLCONF = "no.such.urls"
    messages = [message for message in run() if message.id == "accounts.E000"]
    assert any(
        "check_urls can't read the settings: ModuleNotFoundError" in message.msg for message in messages
    )


class TestUrlNames:
    """Names that the app's own URLconfs don't have."""

    @pytest.fixture
    def app(self, tmp_path, monkeypatch, settings):
        """Put the app's files into an empty folder, and return a function that writes one."""
        monkeypatch.setattr(apps.get_app_config("accounts"), "path", str(tmp_path / "accounts"))
        settings.TEMPLATES = templates(DIRS=[tmp_path / "host", tmp_path / "templates"])

        def write(name, text):
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

        return write

    def found(self):
        return [message for message in run() if message.id == "accounts.E024"]

    @pytest.mark.parametrize(
        "text",
        [
            'reverse("rules")',
            "reverse_lazy('posts:home')",
            'redirect("about")',
            'resolve_url(\n    "about"\n)',
            'RedirectView.as_view(pattern_name="posts:home")',
            'success_url = reverse_lazy("posts:home")',
            'HOME_URL = "posts:home"',
        ],
    )
    def test_in_code(self, app, text):
        app("accounts/emails/welcome.py", text)
        [message] = self.found()
        assert "accounts/emails/welcome.py" in message.msg
        assert message.hint

    @pytest.mark.parametrize(
        "text",
        [
            'reverse("accounts:index")',
            'redirect("account_login")',
            'redirect("/rules/")',
            'reverse("admin:posts_post_changelist")',
            'redirect("mfa_index")',
            "reverse(name)",
            'SITE_URL = "http://localhost:8000"',
        ],
    )
    def test_code_with_names_of_the_app(self, app, text):
        app("accounts/views.py", text)
        assert self.found() == []

    def test_not_in_tests_and_migrations(self, app):
        app("accounts/tests/test_it.py", 'reverse("rules")')
        app("accounts/migrations/0001_initial.py", 'reverse("rules")')
        assert self.found() == []

    @pytest.mark.parametrize(
        "file", ["accounts/email/welcome_body.txt", "account/login.html", "mfa/index.html"]
    )
    @pytest.mark.parametrize(
        "text", ['{% url "about" %}', "{% url 'posts:home' %}", '{% url "about" as about_url %}']
    )
    @pytest.mark.parametrize("folder", ["templates", "accounts/templates"])
    def test_in_templates(self, app, settings, tmp_path, folder, file, text):
        settings.TEMPLATES = templates(DIRS=[tmp_path / folder])
        app(f"{folder}/{file}", text)
        [message] = self.found()
        assert file in message.msg

    @pytest.mark.parametrize(
        "text",
        [
            '{% url "accounts:index" %}',
            '{% url "posts:export" as export_url %}',
            '{% if has_mfa %}{% url "mfa_index" %}{% endif %}',
            "{% url name %}",
        ],
    )
    def test_templates_with_names_of_the_app(self, app, text):
        app("templates/accounts/index.html", text)
        assert self.found() == []

    def test_a_projects_own_version_of_a_template_may_link_to_its_pages(self, app):
        app("host/accounts/index.html", '{% url "about" %}')
        app("templates/socializer/about.html", '{% url "about" %}')
        assert self.found() == []


def test_a_project_with_its_own_user_gets_as_far_as_the_check(tmp_path):
    """Django imports all models and calls `ready()` of all apps before the checks."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "shop/models.py").write_text(
        "from django.contrib.auth.models import AbstractUser\nclass Customer(AbstractUser): pass\n"
    )
    (tmp_path / "shop_settings.py").write_text(
        "from socializer.tests.settings import *\n"
        'INSTALLED_APPS = [*INSTALLED_APPS, "shop"]\n'
        'AUTH_USER_MODEL = "shop.Customer"\n'
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "shop_settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
    }
    command = [sys.executable, "-m", "django", "check"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 1
    assert "(accounts.E001) AUTH_USER_MODEL is 'shop.Customer'" in done.stderr
    assert "Traceback" not in done.stderr
