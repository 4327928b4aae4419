from datetime import timedelta

from django.apps import AppConfig


class SocializerConfig(AppConfig):
    """The site itself. It is an app so that Django finds its static files and translations."""

    name = "socializer"

    def ready(self):
        from accounts.jobs import periodic
        from socializer import checks, sitemaps  # noqa: F401 (checks register themselves)
        from socializer.backups import tasks

        periodic.register(sitemaps.store_parts, timedelta(hours=1))
        periodic.register(tasks.start_backup, timedelta(minutes=15))
