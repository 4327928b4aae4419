import tempfile
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections
from rich.console import Console
from rich.progress import track
from rich.table import Table

from accounts.seeding.command import positive
from posts import benchmark


class Command(BaseCommand):
    help = (
        "Measures the first page of the home timeline against fetching 20 posts by key and against the textbook join, "
        "on SQLite and, if DATABASE_URL names one, on PostgreSQL. It makes databases of its own, beside the site's, "
        "checks every answer before it measures, and deletes them afterwards."
    )

    def add_arguments(self, parser):
        parser.add_argument("--people", type=positive, default=1_000)
        parser.add_argument("--posts", type=positive, default=200_000)
        parser.add_argument(
            "--follows", type=positive, nargs="+", default=[5, 150], help="Readers who follow so many."
        )
        parser.add_argument("--rounds", type=positive, default=200)

    def handle(self, *, people, posts, follows, rounds, **options):
        if rounds < 2 or posts < 100 * benchmark.PAGE:
            raise CommandError(f"That says nothing: take 2 rounds and {100 * benchmark.PAGE} posts at least.")
        if max(follows) >= people:
            raise CommandError("A reader cannot follow more people than there are: raise --people.")
        self.console = Console()
        for config in self.engines():
            with own_database(config):
                benchmark.fill(people, posts, progress=lambda rows: self.bar(rows, posts))
                for followed in follows:
                    self.report(benchmark.make_reader(followed), followed, rounds)

    def engines(self):
        """The configuration of each database to make, SQLite first."""
        with tempfile.TemporaryDirectory() as folder:
            yield {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(folder) / "benchmark.sqlite3"}
        site = connections["default"].settings_dict
        if connections["default"].vendor == "postgresql":
            options = {name: value for name, value in site["OPTIONS"].items() if name != "pool"}
            yield site | {"OPTIONS": options, "NAME": f"{site['NAME']}_benchmark"}

    def bar(self, rows, total):
        disable = not self.console.is_terminal
        return track(rows, total=total, description="Posts", console=self.console, disable=disable)

    def report(self, reader, followed, rounds):
        runs = benchmark.candidates(reader)
        expected = benchmark.expected_ids(reader)
        for name, run in runs.items():
            if run() != expected:
                raise CommandError(f"{name} gives another page than the definition. Nothing was measured.")
        times = benchmark.measure(runs, rounds)
        table = Table(title=f"{connection.display_name}, reader of {followed}", title_justify="left")
        for heading in ("", "p50 ms", "p95 ms", "times the floor"):
            table.add_column(heading, justify="right" if heading else "left")
        for name, (p50, p95) in times.items():
            floor_p50, floor_p95 = times[f"20 by key, {name.rpartition(' ')[2]}"]
            noisy = floor_p95 > benchmark.NOISY * floor_p50
            ratio = "too noisy to judge" if noisy else f"{p50 / floor_p50:.2f}"
            table.add_row(name, f"{p50:.3f}", f"{p95:.3f}", ratio)
        self.console.print(table)


@contextmanager
def own_database(config):
    """Let everything read and write an empty database of this configuration, with all tables; delete it afterwards.

    It is made as Django makes those of tests: one of that name that is there already is replaced, and the site's own
    cannot be meant.
    """
    name = str(config["NAME"])
    site, site_config = connections["default"], connections.settings["default"]
    config = connections.configure_settings({"default": config | {"TEST": {"NAME": name}}})
    connections.settings |= config
    connections["default"] = own = connections.create_connection("default")
    try:
        own.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        yield
    finally:
        own.creation.destroy_test_db(name, verbosity=0)
        connections["default"], connections.settings["default"] = site, site_config
