from django.core.management.base import BaseCommand, CommandError

from posts.circuit_breaker import Unavailable
from posts.timelines import home_timeline


class Command(BaseCommand):
    help = (
        "Deletes all stored home timelines. Each is built again when its reader visits the site. Use this after you "
        "restored the database or wrote rows without the site's own methods, or when authors have lost most of their "
        "followers. It is safe to repeat and to run while the site is up."
    )

    def handle(self, **options):
        timeline = home_timeline()
        timeline.invalidate()
        try:
            timeline.delete_stored()
        except Unavailable as error:
            raise CommandError(
                f"The stored timelines won't be used any more, but they are still in Redis: {error}"
            ) from error
        self.stdout.write(
            self.style.SUCCESS("Every home timeline will be built again when its reader visits the site.")
        )
