from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track

from accounts.models import User
from accounts.seeding.command import positive
from posts.benchmark.filling import Size, fill, fill_beside


class Command(BaseCommand):
    help = (
        "Fills an empty database with a made-up site to measure on with bench_pages and script/measure-load: a million posts "
        "take some minutes. Run migrate first."
    )

    def add_arguments(self, parser):
        parser.add_argument("--people", type=positive, default=100_000)
        parser.add_argument("--follows", type=positive, default=3_000_000)
        parser.add_argument("--posts", type=positive, default=1_000_000)

    def handle(self, *, people, follows, posts, **options):
        if User.objects.exists():
            raise CommandError("There are people in this database already. Fill an empty one.")
        size, console = Size(posts, people, follows), Console(file=self.stderr._out)

        def bar(rows, total, words):
            return track(
                rows, total=total, description=words, console=console, disable=not console.is_terminal
            )

        fill(size, bar)
        fill_beside(size, bar)
        self.stdout.write(f"Made {people:,} people, {follows:,} follows and {posts:,} posts.")
