"""The wheel in other projects, which `startproject` makes with the code in docs/reuse.md."""

import re
import shutil
from pathlib import Path

import pytest
from django.conf import settings as own_settings
from django.db import connection

from socializer.tests.hosts import Host, build_wheel, documented, install, required_packages

# A code stays valid for a while, so that the journey can be slow.
WITH_MFA = "ADMIN_REQUIRES_MFA, MFA_TOTP_TOLERANCE = True, 10\n"
MFA, SESSIONS, ADMIN = "allauth.mfa", "allauth.usersessions", "accounts.apps.SecureAdminConfig"
JOURNEY = Path(__file__).with_name("host_journey.py")
WITHOUT_OPTIONS = Path(__file__).with_name("host_without_options.py")
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="This host uses PostgreSQL.")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def packages(wheel, tmp_path_factory):
    """The folder with what `pip install socializer[mfa]` installs."""
    folder = tmp_path_factory.mktemp("packages") / "site"
    install(wheel, folder, extras=["mfa"])
    return folder


@pytest.fixture(scope="session")
def packages_without_mfa(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages") / "site"
    install(wheel, folder)
    return folder


def walk(host, journey=JOURNEY):
    walked = host.python(journey, DJANGO_SETTINGS_MODULE="club.settings")
    assert walked.stdout.strip().endswith("walked"), walked.stdout


@pytest.mark.any_engine
def test_the_wheel_holds_both_apps_with_their_files_and_no_tests(packages):
    names = {path.relative_to(packages).as_posix() for path in (packages / "accounts").rglob("*")}
    names |= {path.relative_to(packages).as_posix() for path in (packages / "posts").rglob("*")}

    assert {
        "accounts/templates/accounts/base.html", "accounts/templates/account/login.html",
        "accounts/locale/zh_Hans/LC_MESSAGES/django.mo", "accounts/static/accounts/site.css",
        "posts/templates/posts/home_timeline.html", "posts/static/posts/keys.js",
    } <= names  # fmt: skip
    assert not [name for name in names if "/tests" in name]
    # Besides our own, only allauth's templates are replaced, and the admin's for our own models.
    folders = {name.split("/")[2] for name in names if re.match(r"\w+/templates/", name)}
    assert folders == {"account", "accounts", "admin", "allauth", "mfa", "posts", "usersessions"}
    admin = {name.split("/")[3] for name in names if name.startswith("accounts/templates/admin/")}
    assert admin == {"accounts", "base_site.html", "mfa", "posts"}


@pytest.mark.any_engine
def test_the_packages_of_the_extras(packages, packages_without_mfa):
    alone = required_packages(packages_without_mfa)

    assert not {"redis", "rich", "fido2", "qrcode", "psycopg", "gunicorn", "structlog"} & set(alone)
    assert set(required_packages(packages, ["mfa"])) - set(alone) >= {"fido2", "qrcode"}
    assert "redis" in required_packages(packages, ["redis"])
    assert "rich" in required_packages(packages, ["seeding"])


@pytest.mark.any_engine
def test_the_settings_are_short():
    code = documented()
    lines = [*code["settings.py top"].splitlines(), *code["settings.py"].splitlines()]

    assert len([line for line in lines if line and not line.startswith("#")]) <= 12


@pytest.mark.any_engine
def test_accounts_alone_on_sqlite(packages, tmp_path):
    host = Host.start(tmp_path / "club", packages, with_posts=False, after=WITH_MFA)

    assert "no issues" in host.manage("check").stdout
    walk(host)


@pytest.mark.any_engine
def test_the_smallest_project(packages_without_mfa, tmp_path):
    """Without second factors, the list of sessions and the admin"""
    host = Host.start(tmp_path / "club", packages_without_mfa, with_posts=True)
    host.leave_out(MFA, SESSIONS, ADMIN)

    assert "no issues" in host.manage("check").stdout
    walk(host)


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("with_posts", "left_out"),
    [(True, [MFA, SESSIONS]), (False, [MFA, SESSIONS, ADMIN]), (True, [SESSIONS]), (False, [MFA])],
    ids=["neither", "neither, and no admin", "no list of sessions", "no two-step login"],
)
def test_optional_apps_can_be_left_out(packages, packages_without_mfa, tmp_path, with_posts, left_out):
    without_mfa = MFA in left_out
    host = Host.start(
        tmp_path / "club",
        packages_without_mfa if without_mfa else packages,
        with_posts=with_posts,
        after="" if without_mfa else WITH_MFA,
    )
    host.leave_out(*left_out)

    assert "no issues" in host.manage("check").stdout
    walk(host, WITHOUT_OPTIONS)


@pytest.fixture
def empty_database(django_db_blocker):
    """Return the settings of an empty database on the tests' server. The database is dropped afterwards."""
    database = own_settings.DATABASES["default"]
    name = f"{connection.settings_dict['NAME']}_host"
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}"')
        yield {key: database[key] for key in ("USER", "PASSWORD", "HOST", "PORT")} | {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
        }
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_both_apps_on_postgresql_below_a_path_in_their_own_design(wheel, empty_database, tmp_path):
    install(wheel, tmp_path / "site", extras=["mfa", "posts", "seeding"], also=["psycopg[binary]"])
    host = Host.start(tmp_path / "club", tmp_path / "site", with_posts=True, after=WITH_MFA)
    host.add_app()
    host.use_own_design()
    host.append(
        "club/settings.py", f'FORCE_SCRIPT_NAME = "/community"\nDATABASES["default"] = {empty_database!r}\n'
    )

    assert "no issues" in host.manage("check").stdout
    walk(host)


# Mistakes that `check` must report: a change to the documented settings, and words in the message.
PLANTED = {
    "stock admin login": ('INSTALLED_APPS[INSTALLED_APPS.index("accounts.apps.SecureAdminConfig")] = "django.contrib.admin"', "/admin/"),
    "tasks run immediately": ('TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}', "TASKS"),
    "no tasks": ("del TASKS", "TASKS"),
    "several addresses": ("ACCOUNT_CHANGE_EMAIL = False", "ACCOUNT_CHANGE_EMAIL"),
    "no SITE_URL": ("del SITE_URL; DEBUG = False", "SITE_URL"),
    "limit as text": ('POST_LIMIT = "200/600"', "POST_LIMIT"),
    "edit minutes as text": ('EDIT_MINUTES = "15"', "EDIT_MINUTES"),
    "naive times": ("USE_TZ = False", "USE_TZ"),
    "no HtmxMiddleware": ('MIDDLEWARE.remove("django_htmx.middleware.HtmxMiddleware")', "HtmxMiddleware"),
    "unknown timeline": ('HOME_TIMELINE = "shuffled"', "HOME_TIMELINE"),
    "no Redis": ('HOME_TIMELINE, TIMELINE_REDIS_URL = "fanout_write", "redis://localhost"', "redis"),
    "login leads nowhere": ('LOGIN_REDIRECT_URL = "/accounts/profile/"', "LOGIN_REDIRECT_URL"),
    "no context processor": ('TEMPLATES[0]["OPTIONS"]["context_processors"].pop()', "context_processors.site"),
    "base template without content": ('BASE_TEMPLATE = "admin/base.html"', "BASE_TEMPLATE"),
    "another user": ('AUTH_USER_MODEL = "auth.User"', "AUTH_USER_MODEL"),
    "MySQL": ('DATABASES["default"]["ENGINE"] = "django.db.backends.dummy"', "PostgreSQL"),
    "no such email backend": ('EMAIL_BACKEND = "club.emails.Backend"', "EMAIL_BACKEND"),
    "a language that we have not": ('LANGUAGES = [("en", "English"), ("de", "Deutsch")]', "LANGUAGES"),
}  # fmt: skip


@pytest.mark.any_engine
def test_check_finds_what_would_fail_silently(packages, tmp_path):
    host = Host.start(tmp_path / "club", packages, with_posts=True)
    settings = host.folder / "club/settings.py"
    good = settings.read_text()
    unnoticed = []
    for name, (change, words) in PLANTED.items():
        settings.write_text(f"{good}\n{change}\n")
        checked = host.manage("check", check=False)
        if words not in checked.stderr or "Traceback" in checked.stderr:
            unnoticed.append((name, checked.stderr[-1500:]))

    assert not unnoticed


@pytest.mark.any_engine
def test_check_finds_names_of_urls_that_only_the_project_has(packages, tmp_path):
    (tmp_path / "site").mkdir()
    for entry in packages.iterdir():
        if entry.name != "posts":
            (tmp_path / "site" / entry.name).symlink_to(entry)
    shutil.copytree(packages / "posts", tmp_path / "site/posts")
    host = Host.start(tmp_path / "club", tmp_path / "site", with_posts=True)
    host.append("club/urls.py", 'urlpatterns += [path("rules/", lambda request: None, name="rules")]\n')
    with open(tmp_path / "site/posts/emails.py", "a") as file:
        file.write('\n\ndef rules_url():\n    return absolute(reverse("rules"))\n')

    assert "rules" in host.manage("check", check=False).stderr


# Unusual settings that must also work in a host
UNUSUAL = {
    "German only, small keys, sessions in the cache": """
LANGUAGE_CODE, LANGUAGES = "de", [("de", "Deutsch")]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
""",
    "no DEBUG, a cache that keeps nothing, its own 404 page and footer": """
DEBUG, ALLOWED_HOSTS = False, ["*"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
BASE_TEMPLATE = "club/ours.html"
""",
}


@pytest.mark.any_engine
@pytest.mark.parametrize("change", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_hosts_work(packages, tmp_path, change):
    host = Host.start(tmp_path / "club", packages, with_posts=True, after=WITH_MFA + change)
    host.write("templates/404.html", "The club has no such page.")
    host.write("templates/club/ours.html", documented()["templates/club/ours.html"])

    walk(host)
