from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from accounts.common.seeding import positive
from posts.timelines import TIMELINES
from socializer.benchmark.capacity import Load, advice, need_of

# The width of the table. A narrower table would cut off figures.
WIDTH = 110


class Command(BaseCommand):
    help = (
        "Estimates what a site of a given size needs with each kind of home timeline. The model uses measured constants. "
        "docs/scaling.md explains it."
    )

    def add_arguments(self, parser):
        parser.add_argument("--members", type=positive, required=True)
        parser.add_argument(
            "--views",
            type=positive,
            required=True,
            help="How often members view their home timelines in a day, in total.",
        )
        parser.add_argument(
            "--posts", type=positive, required=True, help="How many posts are written in a day, in total."
        )
        parser.add_argument(
            "--follows", type=positive, required=True, help="How many people a member follows, on average."
        )

    def handle(self, *, members, views, posts, follows, **options):
        load = Load(members, views, posts, follows)
        table = Table(
            title=f"{members:,} members, {load.peak_rate(views):,.1f} views and "
            f"{load.peak_rate(posts):,.1f} posts a second in the busiest hour",
            title_justify="left",
        )
        for heading in (
            "",
            "web cores",
            "database cores",
            "Redis cores",
            "memory GB",
            "storage GB",
        ):
            table.add_column(heading, justify="right" if heading else "left")
        for timeline in TIMELINES:
            need = need_of(load, timeline)
            parts = (need.web_cores, need.database_cores, need.redis_cores, need.memory, need.storage)
            table.add_row(timeline, *(f"{part:,.1f}" for part in parts))
        console = Console(file=self.stdout._out)
        console.width = max(console.width, WIDTH)
        console.print(table)
        for sentence in advice(load):
            self.stdout.write(f"- {sentence}")
