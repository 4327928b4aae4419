"""Home timelines: the one place that knows how they are stored and read."""

from functools import cache

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string


@cache
def home_timeline():
    """The HomeTimeline that the setting HOME_TIMELINE names."""
    return import_string(settings.HOME_TIMELINE)()


def _forget(*, setting, **kwargs):
    if setting in ("HOME_TIMELINE", "TIMELINE_REDIS_URL"):
        home_timeline.cache_clear()


setting_changed.connect(_forget, dispatch_uid="posts.home_timeline")
