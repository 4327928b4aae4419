from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track

from accounts.common.seeding import positive
from accounts.models import User
from socializer.benchmark.filling import Size, fill, fill_other_tables


class Command(BaseCommand):
    help = (
        "Fills an empty database with a made-up site for bench_pages and script/measure-load. A million posts "
        "take a few minutes. Run migrate first."
    )

    def add_arguments(self, parser):
        parser.add_argument("--people", type=positive, default=100_000)
        parser.add_argument("--follows", type=positive, default=3_000_000)
        parser.add_argument("--posts", type=positive, default=1_000_000)

    def handle(self, *, people, follows, posts, **options):
        if User.objects.exists():
            raise CommandError("This database already has people. Fill an empty one.")
        size, console = Size(posts, people, follows), Console(file=self.stderr._out)

        def bar(rows, total, label):
            return track(
                rows, total=total, description=label, console=console, disable=not console.is_terminal
            )

        fill(size, bar)
        fill_other_tables(size, bar)
        self.stdout.write(f"Made {people:,} people, {follows:,} follows and {posts:,} posts.")
