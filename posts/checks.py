from importlib.util import find_spec

from django.core.checks import Error, Warning
from django.utils.module_loading import import_string

from accounts.checks import (
    URLCONFS,
    check,
    comes_after,
    foreign_name,
    installed_apps,
    is_limit,
    is_whole_number,
    not_included,
    setting,
    shadowed_names,
    unsuitable,
)
from accounts.common.base_template import base_template
from accounts.common.url_names import foreign_names
from posts.app_settings import app_settings
from posts.timelines import FORMER_PATHS, TIMELINES, timeline_path, timeline_setting
from posts.timelines.base import HomeTimeline

LIMIT = (
    is_limit,
    "isn't a pair of whole numbers above 0, so the page fails",
    "(20, 3600), for 20 in an hour",
)
FORMS = {
    "POST_LIMIT": LIMIT,
    "LIKE_LIMIT": LIMIT,
    "BOOKMARK_LIMIT": LIMIT,
    "EXPORT_LIMIT": LIMIT,
    "EDIT_MINUTES": (
        lambda value: is_whole_number(value, least=0),
        "isn't a whole number of minutes, so pages with posts fail",
        "15, or 0 if members can't edit their posts",
    ),
}


def _error(number, message, hint):
    return Error(message, hint=hint, id=f"posts.E{number:03}")


def _warning(number, message, hint):
    return Warning(message, hint=hint, id=f"posts.W{number:03}")


@check("posts")
def check_home_timeline():
    """HOME_TIMELINE must name a timeline. If the timeline needs Redis, one must be configured."""
    value = f"HOME_TIMELINE {timeline_setting()}"
    install = "Run: pip install 'socializer[redis]'"
    use = f"Use {', '.join(TIMELINES)} or the path of a class."
    try:
        timeline = import_string(timeline_path())
    except Exception as error:  # The setting can contain anything.
        if getattr(error, "name", "") == "redis":
            yield _error(6, f"{value} needs the package redis, which isn't installed.", install)
        else:
            yield _error(1, f"{value} can't be imported: {error}", use)
        return
    if not (isinstance(timeline, type) and issubclass(timeline, HomeTimeline)):
        yield _error(2, f"{value} isn't a HomeTimeline, so all pages with posts fail.", use)
        return
    if timeline.needs_redis:
        if not find_spec("redis"):
            yield _error(6, f"{value} needs the package redis, which isn't installed.", install)
        if not (isinstance(app_settings.TIMELINE_REDIS_URL, str) and app_settings.TIMELINE_REDIS_URL):
            yield _error(
                3,
                f"{value} stores timelines in Redis, but no Redis is configured.",
                "Set TIMELINE_REDIS_URL, or set CACHE_URL to a Redis.",
            )
    if name := FORMER_PATHS.get(timeline_setting()):
        yield _warning(
            1,
            f"{value} has moved.",
            f"Write HOME_TIMELINE={name} instead. The next release won't accept the old value.",
        )


@check("posts")
def check_project():
    installed = installed_apps()
    if "accounts" not in installed:
        yield _error(
            4,
            "INSTALLED_APPS doesn't contain accounts, which posts needs.",
            "Write INSTALLED_APPS = [*POSTS_APPS, ...] before Django's own apps.",
        )
    elif comes_after("posts", "accounts", installed):
        yield _error(
            4,
            "posts comes after accounts in INSTALLED_APPS, so templates of accounts override those of posts.",
            'Put "posts" before "accounts" in INSTALLED_APPS, or write [*POSTS_APPS, ...].',
        )
    for message, hint in unsuitable(app_settings, FORMS):
        yield _error(5, message, hint)
    for message, hint in not_included("posts.urls"):
        yield _error(7, message, hint)
    if shadowed := shadowed_names("posts.urls"):
        yield _error(
            9,
            f"Other pages of the project have the paths of {', '.join(shadowed)}, so nobody can open those.",
            'Include "posts.urls" below a path of its own, such as path("social/", include("posts.urls")).',
        )
    overrides = setting("ABSOLUTE_URL_OVERRIDES")
    if not (isinstance(overrides, dict) and callable(overrides.get("accounts.user"))):
        yield _warning(
            2,
            "ABSOLUTE_URL_OVERRIDES doesn't contain accounts.user, so members' names link to their lists of followers.",
            'Write "accounts.user": lambda user: reverse("posts:profile", args=[user.username]) in it.',
        )


@check("posts")
def check_base_template():
    try:
        base = base_template()
    except Exception:
        return  # The checks of accounts report this.
    if base.is_complete and not base.includes("posts/new_posts.js"):
        yield _warning(
            3,
            "The template BASE_TEMPLATE doesn't include posts/_scripts.html, so pages don't announce new posts.",
            'Write BASE_TEMPLATE = "posts/base.html", or add {% include "posts/_scripts.html" %} to the head of your own.',
        )


@check("posts")
def check_url_names():
    for file, name in foreign_names("posts", (*URLCONFS, "posts.urls"), ("posts",)):
        yield _error(8, *foreign_name(file, name))
