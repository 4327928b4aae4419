from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from accounts.seeding.command import positive
from posts.capacity import STRATEGIES, Load, advice, need_of

# That of the table: a narrower one would lose figures.
WIDTH = 110


class Command(BaseCommand):
    help = (
        "Says what a site of a given size needs with each way to keep home timelines: a model from measured constants, "
        "explained in docs/scaling.md."
    )

    def add_arguments(self, parser):
        parser.add_argument("--members", type=positive, required=True)
        parser.add_argument("--views", type=positive, required=True, help="Of home timelines, a day, in all.")
        parser.add_argument("--posts", type=positive, required=True, help="A day, in all.")
        parser.add_argument(
            "--follows", type=positive, required=True, help="Whom a member follows, on average."
        )

    def handle(self, *, members, views, posts, follows, **options):
        load = Load(members, views, posts, follows)
        table = Table(
            title=f"{members:,} members, at the busiest {load.a_second(views):,.1f} views and "
            f"{load.a_second(posts):,.1f} posts a second",
            title_justify="left",
        )
        for heading in (
            "",
            "web cores",
            "database cores",
            "Redis cores",
            "memory GB",
            "storage GB",
            "a month",
        ):
            table.add_column(heading, justify="right" if heading else "left")
        for strategy in STRATEGIES:
            need = need_of(load, strategy)
            parts = (need.web_cores, need.database_cores, need.redis_cores, need.memory, need.storage)
            table.add_row(strategy, *(f"{part:,.1f}" for part in parts), f"{need.cost:,.0f}")
        console = Console(file=self.stdout._out)
        console.width = max(console.width, WIDTH)
        console.print(table)
        for words in advice(load):
            self.stdout.write(f"- {words}")
