from django.core.management.base import BaseCommand, CommandError

from posts.breaker import Unavailable
from posts.timelines import home_timeline


class Command(BaseCommand):
    help = (
        "Throws away all stored home timelines; each is made anew when its reader comes. For after a restore of the "
        "database, after rows were written past the site's own methods, and to look up only those authors again who "
        "have very many followers now. Harmless to repeat, also while the site runs."
    )

    def handle(self, **options):
        timeline = home_timeline()
        timeline.forget()
        try:
            timeline.free_memory()
        except Unavailable as error:
            raise CommandError(
                f"What was stored will not be read again, but Redis still holds it: {error}"
            ) from error
        self.stdout.write(
            self.style.SUCCESS("Every stored home timeline is made anew when its reader comes.")
        )
