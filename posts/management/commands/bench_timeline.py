from contextlib import ExitStack
from itertools import islice

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.test.utils import override_settings
from redis import Redis
from redis.exceptions import RedisError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from accounts.seeding.command import positive
from posts.benchmark import locking, reading, rendering, report, serving, writing
from posts.benchmark.databases import configurations, own_database, scratch_folder
from posts.benchmark.filling import Size, fill
from posts.benchmark.measuring import WrongAnswer
from posts.benchmark.readers import readers
from posts.timelines import home_timeline

TIMELINES = {
    "normalized": "posts.timelines.normalized.NormalizedTimeline",
    "fanout_write": "posts.timelines.fanout_write.FanOutOnWriteTimeline",
    "fanout_read": "posts.timelines.fanout_read.FanOutOnReadTimeline",
}
GROWTH = [100_000, 1_000_000, 10_000_000]


class Command(BaseCommand):
    help = (
        "Measures home timelines on SQLite and, if DATABASE_URL names one, on PostgreSQL. It makes databases of its own, "
        "beside the site's, checks every answer before it measures, and deletes them afterwards."
    )

    def add_arguments(self, parser):
        what = parser.add_subparsers(dest="what", required=True)
        what.add_parser("read", help="A page against 20 posts by key, the textbook join and others.")
        what.add_parser("growth", help="The same at 100,000, a million and ten million posts.")
        what.add_parser("write", help="A post by an author with few followers, and with very many.")
        what.add_parser("render", help="Showing a page beside finding it.")
        what.add_parser("http", help="Requests a second beside a constant, with the site's own server.")
        what.add_parser("locks", help="Lock errors of four writers and eight readers on SQLite.")
        for name, subparser in what.choices.items():
            self.add_options(subparser, GROWTH if name == "growth" else [100_000])

    def add_options(self, parser, sizes):
        parser.add_argument(
            "--posts", type=positive, nargs="+", default=sizes, help="How many, in each network."
        )
        parser.add_argument("--people", type=positive, help="How many; without it, as suits the posts.")
        parser.add_argument(
            "--rounds", type=positive, default=100, help="How often each is measured, at most."
        )
        parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"], metavar="ENGINE")
        parser.add_argument(
            "--redis", help="An empty Redis, redis://host:port/database, for the fan-out timelines."
        )
        parser.add_argument("--replace", action="store_true", help="Delete what an earlier run has left.")
        parser.add_argument("--markdown", metavar="FILE", help="Write the ratios as Markdown tables.")
        parser.add_argument("--json", metavar="FILE", help="Write every figure as JSON.")
        parser.add_argument("--charts", metavar="FOLDER", help="Write an SVG chart for each table.")

    def handle(self, *, what, **options):
        self.console, self.options = Console(file=self.stdout._out), options
        if options["rounds"] < 2 or min(options["posts"]) < 2_000:
            raise CommandError("That says nothing: take 2 rounds and 2,000 posts at least.")
        self.timelines = self.timelines_for(options["redis"])
        results = []
        for posts in options["posts"]:
            with scratch_folder() as folder:
                for config in configurations(folder, ["sqlite"] if what == "locks" else options["engines"]):
                    with own_database(config, replace=options["replace"]), self.own_redis():
                        self.fill(posts)
                        where = {"engine": connection.display_name, "posts": posts}
                        results += self.measure(what, where)
        report.write(options, results)

    def timelines_for(self, redis):
        if not redis:
            return {"normalized": TIMELINES["normalized"]}
        if redis in (settings.TIMELINE_REDIS_URL, settings.CACHES["default"].get("LOCATION")):
            raise CommandError("That is the site's own Redis. Name another database of it, such as .../9.")
        try:
            if Redis.from_url(redis).dbsize():
                raise CommandError(f"{redis} is not empty.")
        except (RedisError, ValueError) as error:
            raise CommandError(f"--redis cannot be used: {error}") from error
        return TIMELINES

    def own_redis(self):
        """Within, timelines are stored in the Redis of --redis, and cards in memory; it is emptied afterwards."""
        stack = ExitStack()
        cards = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
        stack.enter_context(override_settings(CACHES=cards))
        if redis := self.options["redis"]:
            stack.enter_context(override_settings(TIMELINE_REDIS_URL=redis))
            stack.callback(Redis.from_url(redis).flushdb)
        return stack

    def fill(self, posts):
        size = Size.of(posts)
        if people := self.options["people"]:
            size = Size(posts, people, people * 30)
        fill(size, self.bar)

    def bar(self, rows, total, words):
        hidden = not self.console.is_terminal
        return track(rows, total=total, description=words, console=self.console, disable=hidden)

    def measure(self, what, where):
        try:
            results = list(getattr(self, f"measure_{what}")(self.options["rounds"], where))
        except WrongAnswer as error:
            raise CommandError(str(error)) from error
        report.print_tables(self.console, results)
        return results

    def measure_read(self, rounds, where):
        chosen = {}
        for name, path in self.timelines.items():
            with override_settings(HOME_TIMELINE=path):
                chosen[name] = home_timeline()
        for name, reader in readers():
            yield from reading.compare_pages(reader, chosen, rounds, reader=name, **where)

    measure_growth = measure_read

    def measure_write(self, rounds, where):
        for name, path in self.timelines.items():
            with override_settings(HOME_TIMELINE=path):
                yield from writing.compare_authors(name, rounds, **where)
                if name != "normalized":
                    yield from writing.compare_arrival(name, rounds, **where)

    def measure_render(self, rounds, where):
        for name, reader in self.some_readers():
            yield from rendering.compare_rendering(reader, rounds, reader=name, **where)

    def some_readers(self):
        """One of few and one of many, before there is a flood."""
        return [found for found in islice(readers(), 5) if found[0] in ("150", "5000")]

    def measure_http(self, rounds, where):
        chosen = dict(self.some_readers())
        for name, path in self.timelines.items():
            table = Table(title=f"{where['engine']}, {where['posts']:,} posts, {name}", title_justify="left")
            for heading in ("", "requests a second", "share of the constant for a member"):
                table.add_column(heading)
            with override_settings(HOME_TIMELINE=path):
                at_once, alone = serving.compare_pages(chosen, min(rounds, 20), path, reader=name, **where)
            for result, rate in at_once:
                table.add_row(result.strategy, f"{rate:.0f}", f"{1 / result.ratio:.0%}")
                yield result
            yield from alone
            self.console.print(table)

    def measure_locks(self, rounds, where):
        counts = locking.count_lock_errors(seconds=rounds / 10)
        self.console.print(", ".join(f"{count:,} {what}" for what, count in counts.items()))
        return []
