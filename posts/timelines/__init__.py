"""Home timelines. The code that stores and reads them is all in this room.

The setting HOME_TIMELINE is one of the names in TIMELINES, or the path of a subclass of posts.timelines.base.HomeTimeline.
"""

from functools import cache

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from posts.app_settings import app_settings

# These are import paths, so that the modules for Redis are imported only when they are used.
TIMELINES = {
    "normalized": "posts.timelines.normalized.NormalizedTimeline",
    "fanout_write": "posts.timelines.redis.fanout_write.FanOutOnWriteTimeline",
    "fanout_read": "posts.timelines.redis.fanout_read.FanOutOnReadTimeline",
}
# Values of HOME_TIMELINE in earlier releases, and their replacements. They cause a warning: see posts.checks.
FORMER_PATHS = {
    "posts.timelines.fanout_write.FanOutOnWriteTimeline": "fanout_write",
    "posts.timelines.fanout_read.FanOutOnReadTimeline": "fanout_read",
}


def timeline_setting():
    return app_settings.HOME_TIMELINE


def timeline_path():
    """Return the import path of the class that HOME_TIMELINE names."""
    name = timeline_setting()
    name = FORMER_PATHS.get(name, name)
    return TIMELINES.get(name, name)


@cache
def home_timeline():
    """Return an instance of the class that HOME_TIMELINE names. Raises ImportError if there is no such class."""
    return import_string(timeline_path())()


def _on_setting_changed(*, setting, **kwargs):
    if setting in ("HOME_TIMELINE", "TIMELINE_REDIS_URL"):
        home_timeline.cache_clear()


setting_changed.connect(_on_setting_changed, dispatch_uid="posts.home_timeline")
