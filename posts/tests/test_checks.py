"""The system checks of posts. accounts/tests/test_checks.py does the same for accounts."""

import sys
from types import ModuleType

import pytest
from django.apps import apps
from django.core.checks.registry import registry
from django.urls import include, path
from django.views.generic import TemplateView

from posts import checks
from posts.timelines import FORMER_PATHS

# No check depends on the database engine that the tests use.
pytestmark = pytest.mark.any_engine

REDIS = "redis://127.0.0.1:1/0"
LIMITS = ["POST_LIMIT", "LIKE_LIMIT", "BOOKMARK_LIMIT", "EXPORT_LIMIT"]

CASES = {
    "no HOME_TIMELINE": ({"HOME_TIMELINE": None}, {"E001"}),
    "an unknown name": ({"HOME_TIMELINE": "by_relevance"}, {"E001"}),
    "a class that isn't a timeline": ({"HOME_TIMELINE": "posts.models.Post"}, {"E002"}),
    "no Redis": ({"HOME_TIMELINE": "fanout_read", "TIMELINE_REDIS_URL": ""}, {"E003"}),
    "a former path": ({"HOME_TIMELINE": next(iter(FORMER_PATHS)), "TIMELINE_REDIS_URL": REDIS}, {"W001"}),
    **{
        f"{name} is {value!r}": ({name: value}, {"E005"})
        for name in LIMITS
        for value in (None, 7, "200/600", (200,), (200, 0))
    },
    **{
        f"EDIT_MINUTES is {value!r}": ({"EDIT_MINUTES": value}, {"E005"})
        for value in (None, -1, "15", 1.5, True)
    },
    "members without profiles": ({"ABSOLUTE_URL_OVERRIDES": {}}, {"W002"}),
    "the base template of accounts": ({"BASE_TEMPLATE": "accounts/base.html"}, {"W003"}),
}

SUITABLE = {
    "nothing": {},
    "no editing, and a list as a limit": {"EDIT_MINUTES": 0, "POST_LIMIT": [1, 1]},
    "Redis": {"HOME_TIMELINE": "fanout_write", "TIMELINE_REDIS_URL": REDIS},
    "the app's own base template": {"BASE_TEMPLATE": "posts/base.html"},
}


def run():
    """Return the messages of this app's checks."""
    own = [each for each in registry.get_checks() if each.__module__ == checks.__name__]
    return [message for each in own for message in each(app_configs=None)]


def ids():
    return {message.id.removeprefix("posts.") for message in run()}


def change(settings, changes):
    for name, value in changes.items():
        setattr(settings, name, value)


@pytest.mark.parametrize("case", SUITABLE)
def test_suitable_settings_have_no_message(settings, case):
    change(settings, SUITABLE[case])
    assert run() == []


@pytest.mark.parametrize("case", CASES)
def test_unsuitable_settings_have_a_message_with_a_hint(settings, case):
    changes, expected = CASES[case]
    change(settings, changes)
    messages = run()
    assert {message.id.removeprefix("posts.") for message in messages} == expected
    assert all(message.hint for message in messages)


def test_own_settings_can_be_missing(settings):
    for name in ("HOME_TIMELINE", "TIMELINE_REDIS_URL", "EDIT_MINUTES", *LIMITS):
        delattr(settings, name)
    assert run() == []


def test_posts_needs_accounts(monkeypatch):
    monkeypatch.setattr(checks, "installed_apps", lambda: ["posts"])
    assert ids() == {"E004"}
    monkeypatch.setattr(checks, "installed_apps", lambda: ["accounts", "posts"])
    assert ids() == {"E004"}


@pytest.mark.parametrize("missing", ["when it is imported", "later"])
def test_redis_must_be_installed_for_a_fan_out_timeline(settings, monkeypatch, missing):
    settings.HOME_TIMELINE = "fanout_write"
    settings.TIMELINE_REDIS_URL = REDIS
    if missing == "later":
        monkeypatch.setattr(checks, "find_spec", lambda name: None)
    else:

        def import_string(path):
            raise ModuleNotFoundError("No module named 'redis'", name="redis")

        monkeypatch.setattr(checks, "import_string", import_string)
    [message] = run()
    assert message.id == "posts.E006"
    assert "socializer[redis]" in message.hint


def test_the_urls_must_be_included(settings, monkeypatch):
    module = ModuleType("host_urls")
    module.urlpatterns = [path("", include("accounts.urls")), path("", include("accounts.allauth_urls"))]
    monkeypatch.setitem(sys.modules, "host_urls", module)
    settings.ROOT_URLCONF = "host_urls"
    assert ids() == {"E007"}


def test_links_to_pages_of_the_project(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(apps.get_app_config("posts"), "path", str(tmp_path / "posts"))
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path / "templates"]}]
    (tmp_path / "templates/posts").mkdir(parents=True)
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts/emails.py").write_text(
        'reverse("rules"), reverse("posts:home"), reverse("account_login")'
    )
    (tmp_path / "templates/posts/landing.html").write_text('{% url "about" %}{% url "accounts:index" %}')
    found = [message.msg for message in run() if message.id == "posts.E008"]
    assert [message.split(", ")[0] for message in found] == [
        "posts/emails.py links to the URL 'rules'",
        "templates/posts/landing.html links to the URL 'about'",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "ABSOLUTE_URL_OVERRIDES",
        "BASE_TEMPLATE",
        "EDIT_MINUTES",
        "HOME_TIMELINE",
        "TIMELINE_REDIS_URL",
        *LIMITS,
    ],
)
def test_no_value_makes_a_check_fail(settings, name):
    for value in (None, "", 7, [], object()):
        setattr(settings, name, value)
        assert "E000" not in ids()


def test_a_page_of_the_project_at_the_path_of_ours_is_an_error(settings, monkeypatch):
    host_urls = ModuleType("host_urls")
    apps_urls = [include("posts.urls"), include("accounts.urls"), include("accounts.allauth_urls")]
    host_urls.urlpatterns = [
        path("", TemplateView.as_view(), name="shop"),
        *[path("", each) for each in apps_urls],
    ]
    monkeypatch.setitem(sys.modules, "host_urls", host_urls)
    settings.ROOT_URLCONF = "host_urls"
    [message] = [message for message in run() if message.id == "posts.E009"]
    assert "posts:home" in message.msg
    assert "posts:explore" not in message.msg
    assert message.hint
