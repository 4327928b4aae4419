from django.conf import settings
from django.core.checks import Error, register
from django.utils.module_loading import import_string

from posts.timelines.base import HomeTimeline


@register
def check_home_timeline(app_configs, **kwargs):
    """The setting HOME_TIMELINE names a timeline."""
    try:
        timeline = import_string(settings.HOME_TIMELINE)
    except ImportError as error:
        return [Error(f"HOME_TIMELINE cannot be imported: {error}", id="posts.E001")]
    if not (isinstance(timeline, type) and issubclass(timeline, HomeTimeline)):
        return [Error(f"HOME_TIMELINE {settings.HOME_TIMELINE} is no HomeTimeline.", id="posts.E002")]
    if timeline.needs_redis and not getattr(settings, "TIMELINE_REDIS_URL", ""):
        words = f"HOME_TIMELINE {settings.HOME_TIMELINE} stores timelines in Redis, and there is none."
        return [Error(words, hint="Set TIMELINE_REDIS_URL, or CACHE_URL to a Redis.", id="posts.E003")]
    return []
