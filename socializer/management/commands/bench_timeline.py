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

from accounts.common.seeding import positive
from posts.timelines import TIMELINES, home_timeline
from socializer.benchmark import conversations, locking, reading, rendering, report, serving, writing
from socializer.benchmark.databases import configurations, own_database, scratch_folder
from socializer.benchmark.filling import Size, fill
from socializer.benchmark.measuring import WrongAnswer
from socializer.benchmark.readers import readers, readers_with_unread_posts

GROWTH = [100_000, 1_000_000, 10_000_000]


class Command(BaseCommand):
    help = (
        "Measures home timelines on SQLite and, if DATABASE_URL is a PostgreSQL database, also on PostgreSQL. It creates its own "
        "databases next to the site's, checks every result before it measures, and deletes the databases afterwards."
    )

    def add_arguments(self, parser):
        what = parser.add_subparsers(dest="what", required=True)
        what.add_parser(
            "read", help="A page, compared with 20 posts by key, the textbook join and other queries."
        )
        what.add_parser("growth", help="The same with 100,000, a million and ten million posts.")
        what.add_parser("write", help="A post by an author with few followers, and with very many.")
        what.add_parser("render", help="Rendering a page, compared with finding its posts.")
        what.add_parser(
            "http", help="Requests a second with the site's own server, compared with a stock Django view."
        )
        what.add_parser(
            "threads", help="The first and last pages of long conversations, compared with 20 posts by key."
        )
        what.add_parser("locks", help="Lock errors with four writers and eight readers on SQLite.")
        for name, subparser in what.choices.items():
            self.add_options(subparser, GROWTH if name == "growth" else [100_000])

    def add_options(self, parser, sizes):
        parser.add_argument(
            "--posts", type=positive, nargs="+", default=sizes, help="How many posts each network has."
        )
        parser.add_argument(
            "--people",
            type=positive,
            help="How many people each network has. The default depends on the posts.",
        )
        parser.add_argument(
            "--rounds", type=positive, default=100, help="How often each candidate is measured, at most."
        )
        parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"], metavar="ENGINE")
        parser.add_argument(
            "--redis", help="An empty Redis for the fan-out timelines: redis://host:port/database."
        )
        parser.add_argument(
            "--replace", action="store_true", help="Delete a database that an earlier run has left behind."
        )
        parser.add_argument("--markdown", metavar="FILE", help="Write the ratios as Markdown tables.")
        parser.add_argument("--json", metavar="FILE", help="Write every figure as JSON.")

    def handle(self, *, what, **options):
        self.console, self.options = Console(file=self.stdout._out), options
        if options["rounds"] < 2 or min(options["posts"]) < 2_000:
            raise CommandError("Use at least 2 rounds and 2,000 posts. With fewer, the results mean nothing.")
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
            return ["normalized"]
        if redis in (settings.TIMELINE_REDIS_URL, settings.CACHES["default"].get("LOCATION")):
            raise CommandError("That is the site's own Redis. Use another database number, such as .../9.")
        try:
            if Redis.from_url(redis).dbsize():
                raise CommandError(f"{redis} is not empty.")
        except (RedisError, ValueError) as error:
            raise CommandError(f"--redis cannot be used: {error}") from error
        return list(TIMELINES)

    def own_redis(self):
        """Return a context manager that makes timelines use --redis and cards use memory. It empties that Redis at the end."""
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

    def bar(self, rows, total, label):
        hidden = not self.console.is_terminal
        return track(rows, total=total, description=label, console=self.console, disable=hidden)

    def measure(self, what, where):
        try:
            results = list(getattr(self, f"measure_{what}")(self.options["rounds"], where))
        except WrongAnswer as error:
            raise CommandError(str(error)) from error
        report.print_tables(self.console, results)
        return results

    def measure_read(self, rounds, where):
        chosen = {}
        for name in self.timelines:
            with override_settings(HOME_TIMELINE=name):
                chosen[name] = home_timeline()
        for name, reader in readers():
            yield from reading.compare_pages(reader, chosen, rounds, reader=name, **where)

    measure_growth = measure_read

    def measure_write(self, rounds, where):
        for name in self.timelines:
            with override_settings(HOME_TIMELINE=name):
                yield from writing.compare_authors(name, rounds, **where)
                if name != "normalized":
                    yield from writing.compare_arrival(name, rounds, **where)

    def measure_render(self, rounds, where):
        for name, reader in self.some_readers():
            yield from rendering.compare_rendering(reader, rounds, reader=name, **where)

    def some_readers(self):
        """Yield a reader who follows few people and one who follows many."""
        return [found for found in islice(readers(), 5) if found[0] in ("150", "5000")]

    def measure_http(self, rounds, where):
        chosen = dict(readers_with_unread_posts())
        for name in self.timelines:
            table = Table(title=f"{where['engine']}, {where['posts']:,} posts, {name}", title_justify="left")
            for heading in ("", "requests a second", "share of a stock view"):
                table.add_column(heading)
            with override_settings(HOME_TIMELINE=name):
                at_once, alone = serving.compare_pages(chosen, min(rounds, 20), name, reader=name, **where)
            for result, rate in at_once:
                table.add_row(result.strategy, f"{rate:.0f}", f"{1 / result.ratio:.0%}")
                yield result
            yield from alone
            self.console.print(table)

    def measure_threads(self, rounds, where):
        for name, first, reader in conversations.conversations():
            yield from conversations.compare_pages(first, reader, rounds, reader=name, **where)

    def measure_locks(self, rounds, where):
        counts = locking.count_lock_errors(seconds=rounds / 10)
        self.console.print(", ".join(f"{count:,} {what}" for what, count in counts.items()))
        return []
