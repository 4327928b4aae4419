"""Settings of this app, with their defaults. docs/reuse.md explains them; posts/checks.py checks their values."""

from accounts.common.app_settings import AppSettings

app_settings = AppSettings(
    # Rate limits: a number and a time in seconds.
    POST_LIMIT=(200, 600),
    LIKE_LIMIT=(300, 600),
    BOOKMARK_LIMIT=(300, 600),
    EXPORT_LIMIT=(20, 3600),
    # How long members can edit a post.
    EDIT_MINUTES=15,
    # How home timelines are stored and read: a name in posts/timelines/__init__.py, or the path of a class.
    HOME_TIMELINE="normalized",
    # The URL of the Redis that stores the fan-out timelines.
    TIMELINE_REDIS_URL="",
)
