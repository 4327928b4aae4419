import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import TimeoutError as RedisTimeoutError

from socializer import environment as env

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "socializer" / "locale"
KEY = "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def set_variable(monkeypatch):
    return lambda value: monkeypatch.setenv("THING", value)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.text("THING"), ""),
        (lambda: env.boolean("THING", False), "maybe"),
        (lambda: env.whole_number("THING", 0), "-1"),
        (lambda: env.whole_number("THING", 0), "two"),
        (lambda: env.whole_number("THING", 0), "1000001"),
        (lambda: env.whole_number("THING", 0), "9" * 5000),
        (lambda: env.choice("THING", ("a", "b"), "a"), "c"),
        (lambda: env.time_zone("THING", "UTC"), "Mars/Olympus"),
        (lambda: env.time_zone("THING", "UTC"), "../etc/passwd"),
        (lambda: env.secret_key("THING"), "short"),
        (lambda: env.secret_key("THING"), "a" * 60),
        (lambda: env.site_url("THING", ""), "social.example.com"),
        (lambda: env.site_url("THING", ""), "https://social.example.com/path"),
        (lambda: env.database("THING", "", ROOT), "mysql://localhost/x"),
        (lambda: env.database("THING", "", ROOT), "nonsense"),
        (lambda: env.database("THING", "", ROOT), "sqlite://"),
        (lambda: env.database("THING", "", ROOT), "sqlite:///:memory:"),
        (lambda: env.port("THING", 1), "0"),
        (lambda: env.limit("THING", "1/1"), "many"),
        (lambda: env.limit("THING", "1/1"), "0/60"),
        (lambda: env.limit("THING", "1/1"), "5"),
        (lambda: env.port("THING", 1), "65536"),
        (lambda: env.usernames("THING"), "ada, grace hopper"),
        (lambda: env.usernames("THING"), "al"),
        (lambda: env.languages("THING", LOCALE), "zh-hans, tlh"),
        (lambda: env.languages("THING", LOCALE), "../etc"),
        (lambda: env.email("THING", ""), "smtp+tls://"),
        (lambda: env.email("THING", ""), "filemail://"),
        (lambda: env.site_url("THING", ""), "http://[::1"),
        (lambda: env.site_url("THING", ""), "http://localhost:abc"),
        (lambda: env.site_url("THING", ""), "http://user:pw@localhost"),
        (lambda: env.site_url("THING", ""), "https://exam\u200dple.org"),
        (lambda: env.site_url("THING", ""), "https://."),
        (lambda: env.sender("THING", ""), "Site <x@exam\u200dple.org>"),
        (lambda: env.cache("THING", ""), "memcache://localhost"),
        (lambda: env.email("THING", ""), "smtps://mail.example.com"),
        (lambda: env.email("THING", ""), "pigeon://mail.example.com"),
        (lambda: env.media_url("THING", ""), "/"),
        (lambda: env.media_url("THING", ""), "/media"),
        (lambda: env.media_url("THING", ""), "media/"),
        (lambda: env.media_url("THING", ""), "https://"),
        (lambda: env.media_url("THING", ""), "//pictures.example.com/"),
        (lambda: env.storage("THING", ""), "nowhere.at.all.Storage?x=1"),
        (lambda: env.storage("THING", ""), "Storage"),
    ],
)
def test_a_wrong_value_is_refused_with_the_variables_name(set_variable, read, value):
    set_variable(value)
    with pytest.raises(ImproperlyConfigured, match="THING"):
        read()


def test_right_values(set_variable):
    set_variable("YES")
    assert env.boolean("THING", False) is True
    set_variable("0")
    assert env.boolean("THING", True) is False
    set_variable(" a, b ,")
    assert env.comma_separated("THING") == ["a", "b"]
    set_variable("@Ada, grace,")
    assert env.usernames("THING") == ["ada", "grace"]
    set_variable("zh_Hans, EN")
    assert env.languages("THING", LOCALE) == ["zh-hans", "en"]
    set_variable("https://social.example.com/")
    assert env.site_url("THING", "") == "https://social.example.com"
    set_variable("")
    assert env.whole_number("THING", 3) == 3


def test_a_relative_sqlite_path_starts_at_the_project(set_variable):
    set_variable("sqlite:///var/x.sqlite3")
    assert env.database("THING", "", ROOT)["NAME"] == ROOT / "var/x.sqlite3"
    set_variable("sqlite:////srv/x.sqlite3")
    assert str(env.database("THING", "", ROOT)["NAME"]) == "/srv/x.sqlite3"


def test_a_hanging_cache_times_out(set_variable):
    with socket.create_server(("127.0.0.1", 0)) as server:
        set_variable(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        config = env.cache("THING", "")
        assert config["OPTIONS"] == {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}
        with pytest.raises(RedisTimeoutError):
            RedisCache(config["LOCATION"], config).get("x")
    set_variable("redis://h/0?socket_timeout=3")
    assert env.cache("THING", "")["OPTIONS"]["socket_timeout"] == 3
    set_variable("locmemcache://")
    assert "OPTIONS" not in env.cache("THING", "")


def test_a_storage_and_its_options(set_variable):
    set_variable("django.core.files.storage.FileSystemStorage?location=/mnt/media&allow_overwrite=false")
    assert env.storage("THING", "") == {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": "/mnt/media", "allow_overwrite": False},
    }


@pytest.mark.any_engine
def test_the_security_policy_allows_pictures_on_another_host(tmp_path):
    code = (
        "from django.conf import settings as s; from django.core.files.storage import default_storage as d;"
        "print(s.CONTENT_SECURITY_POLICY['img-src'], d.location, d.url('x'))"
    )
    said = manage(
        "shell",
        "--verbosity=0",
        "--command",
        code,
        MEDIA_STORAGE=f"django.core.files.storage.FileSystemStorage?location={tmp_path}",
        MEDIA_URL="https://pictures.example.com/",
    ).stdout
    assert said.split()[2:] == [
        "'https://pictures.example.com']",
        str(tmp_path),
        "https://pictures.example.com/x",
    ]


@pytest.mark.parametrize(
    ("query", "age", "server_side_cursors", "session_options"),
    [
        ("", 600, True, True),
        ("?pool=true", 600, True, True),
        ("?pool=false", 0, True, True),
        ("?pooler=transaction", 600, False, False),
        ("?pooler=transaction&pool=false", 0, False, False),
    ],
)
def test_ways_to_connect_to_postgresql(set_variable, query, age, server_side_cursors, session_options):
    set_variable(f"postgres://h/d{query}")
    config = env.database("THING", "", ROOT)
    assert config["CONN_MAX_AGE"] == age
    assert config["CONN_HEALTH_CHECKS"]
    assert config["DISABLE_SERVER_SIDE_CURSORS"] is not server_side_cursors
    assert ("options" in config["OPTIONS"]) is session_options
    assert not config["OPTIONS"].keys() & {"pool", "pooler", "prepare_threshold", "server_side_binding"}


def test_parameters_are_passed_to_the_client_library(set_variable):
    set_variable("postgres://h/d?sslmode=require&connect_timeout=3&options=-c%20statement_timeout=9s")
    options = env.database("THING", "", ROOT)["OPTIONS"]
    assert (options["sslmode"], options["connect_timeout"]) == ("require", 3)
    assert options["options"].startswith("-c jit=off ")
    assert options["options"].endswith(" -c statement_timeout=9s")


def test_the_query_can_name_the_database(set_variable):
    set_variable("postgres://h?dbname=2026")
    config = env.database("THING", "", ROOT)
    assert config["NAME"] == "2026"
    assert "dbname" not in config["OPTIONS"]


def test_the_address_of_the_server_behind_a_pooler_is_complete(set_variable):
    set_variable("")
    assert env.direct_database("THING", ROOT) == {}
    set_variable("postgres://ada:secret@h:5433/real?sslmode=require")
    config = env.direct_database("THING", ROOT)
    assert [config[key] for key in ("USER", "HOST", "PORT", "NAME")] == ["ada", "h", 5433, "real"]
    assert config["OPTIONS"]["sslmode"] == "require"
    assert not config["DISABLE_SERVER_SIDE_CURSORS"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgres://ada@h:5432", "names no database"),
        ("postgres://ada@h:5432/", "names no database"),
        ("postgres://?service=backup", "names no database"),
        ("sqlite:///x.sqlite3", "must start with postgres://"),
    ],
)
def test_a_wrong_address_of_the_server_is_refused(set_variable, url, words):
    set_variable(url)
    with pytest.raises(ImproperlyConfigured, match=f"^THING {words}"):
        env.direct_database("THING", ROOT)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgres://h/d?pool=maybe", "Write pool=true or pool=false."),
        ("postgres://h/d?pooler=session", "Write pooler=transaction"),
        ("postgres://h/d?pooler=", "Write pooler=transaction"),
        ("postgres://h/d?poler=transaction", "unknown parameter poler"),
        ("postgres://h/d?prepare_threshold=5", "unknown parameter prepare_threshold"),
        ("postgres://h/d?pool=true&pool=false", "the same parameter twice"),
        ("postgres://h/d?pooler=transaction&options=-c%20jit=off", "poolers reject options"),
        ("postgres://h/d?pooler", "can't be read"),
        ("sqlite:///x.sqlite3?timeout=5", "Only a postgres:// URL takes parameters."),
    ],
)
def test_a_wrong_database_parameter_is_refused(set_variable, url, words):
    set_variable(url)
    with pytest.raises(ImproperlyConfigured, match="^THING ") as error:
        env.database("THING", "", ROOT)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://h", 25, None),
        ("smtp+tls://u:p@h", 587, "EMAIL_USE_TLS"),
        ("smtp+ssl://h", 465, "EMAIL_USE_SSL"),
        ("smtp://h:2525", 2525, None),
    ],
)
def test_mail_servers(set_variable, url, port, security):
    set_variable(url)
    config = env.email("THING", "")
    assert config["EMAIL_PORT"] == port
    assert {name for name in config if name.startswith("EMAIL_USE")} == ({security} if security else set())
    assert config["EMAIL_TIMEOUT"]


def manage(*arguments, **variables):
    """Run manage.py with only these variables."""
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "SECRET_KEY": KEY} | variables
    return subprocess.run(  # noqa: S603
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SECRET_KEY": ""}, "Socializer cannot start: SECRET_KEY is not set. See .env.example."),
        ({"TRUSTED_PROXIES": "one"}, "Socializer cannot start: TRUSTED_PROXIES is 'one'."),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(variables, words):
    result = manage("check", **variables)

    assert result.returncode != 0
    assert result.stderr.startswith(words)
    assert "Traceback" not in result.stderr


@pytest.mark.any_engine
def test_a_wrong_timeline_class_stops_the_start():
    for path in ("posts.nowhere.Timeline", "posts.models.Post"):
        result = manage("check", HOME_TIMELINE=path)
        assert result.returncode != 0
        assert "HOME_TIMELINE" in result.stderr


@pytest.mark.any_engine
def test_a_variable_is_read_under_its_former_name_with_a_warning():
    code = "from django.conf import settings as s; print(s.BACKUP_INTERVAL_HOURS, s.ADMIN_REQUIRES_MFA)"
    former = {"BACKUP_EVERY": "24", "ADMIN_SECOND_FACTOR": "1"}
    assert manage("shell", "--verbosity=0", "--command", code, **former).stdout.strip() == "24 True"
    sentence = "BACKUP_EVERY is now called BACKUP_INTERVAL_HOURS. Rename it in .env: the next release ignores the old name."
    # The site's start and its worker run the same checks as `check`.
    for command in ("check", "doctor"):
        result = manage(command, **former)
        output = result.stdout + result.stderr
        assert output.count(sentence) == 1
        assert "ADMIN_SECOND_FACTOR is now called ADMIN_REQUIRES_MFA." in output


@pytest.mark.any_engine
def test_a_timeline_is_found_by_its_former_path():
    path = "posts.timelines.fanout_write.FanOutOnWriteTimeline"
    variables = {"HOME_TIMELINE": path, "TIMELINE_REDIS_URL": "redis://127.0.0.1:6379/15"}
    result = manage("check", **variables)
    assert result.returncode == 0
    assert f"HOME_TIMELINE {path} has moved." in result.stderr
    assert "HOME_TIMELINE=fanout_write" in result.stderr


@pytest.mark.any_engine
def test_a_wrong_value_is_refused_with_the_name_that_is_set():
    result = manage("check", BACKUP_EVERY="nightly")
    assert result.stderr.startswith("Socializer cannot start: BACKUP_EVERY is 'nightly'.")


@pytest.mark.any_engine
def test_the_new_name_overrides_the_former_one():
    result = manage("check", BACKUP_EVERY="nightly", BACKUP_INTERVAL_HOURS="6")
    assert result.returncode == 0
    sentence = "BACKUP_EVERY is now called BACKUP_INTERVAL_HOURS, which is also set. Remove BACKUP_EVERY."
    assert sentence in result.stderr
    assert "is now called" not in manage("check", BACKUP_INTERVAL_HOURS="6").stderr


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("url", "secure"),
    [("https://social.example.com", "True True True 31536000"), ("http://localhost", "False False False 0")],
)
def test_the_scheme_of_the_site_turns_on_everything_that_needs_https(url, secure):
    code = (
        "from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS)"
    )
    assert manage("shell", "--verbosity=0", "--command", code, SITE_URL=url).stdout.strip() == secure


def test_every_variable_is_explained():
    explained = (ROOT / ".env.example").read_text()
    settings, server = ((ROOT / path).read_text() for path in ("socializer/settings.py", "script/_settings"))
    read = set(re.findall(r"""env\.\w+\(["']([A-Z_]+)""", settings))
    read |= set(re.findall(r"""(?:number|str)\("([A-Z_]+)""", server))
    assert {"SECRET_KEY", "DATABASE_URL", "TRUSTED_PROXIES", "WEB_THREADS"} <= read
    missing = {name for name in read if f"{name}=" not in explained}
    assert not missing


@pytest.mark.any_engine
def test_the_values_in_the_example_are_the_defaults():
    defaults, shown = (
        re.sub(r" at 0x\w+", "", manage("diffsettings", "--all", ENV_FILE=file, PYTHONHASHSEED="0").stdout)
        for file in (os.devnull, str(ROOT / ".env.example"))
    )
    assert "socializer.sqlite3" in defaults
    assert shown.splitlines() == defaults.splitlines()
