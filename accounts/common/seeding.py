from argparse import ArgumentTypeError
from itertools import islice

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.common.app_settings import app_settings, is_on_this_machine

# The password of all made-up people, so that it is hashed only once. It is only used on a developer's machine.
DEMO_PASSWORD = "quiet-timeline"  # noqa: S105

# SQLite allows 32,766 values per statement; a post has five.
BATCH = 5_000


def positive(text):
    """Return `text` as a whole number above 0, for argparse."""
    if (number := int(text)) < 1:
        raise ArgumentTypeError(f"{number} is not above 0.")
    return number


def seed_number(text):
    """Return `text`, at most nine digits, as a number, for argparse. It becomes part of usernames."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ArgumentTypeError(f"{text!r} isn't a number of up to nine digits.")
    return int(text)


class SeedCommand(BaseCommand):
    """Base class of commands that fill the database with made-up rows. The same --seed makes the same rows."""

    def add_arguments(self, parser):
        parser.add_argument("--seed", type=seed_number, default=1, help="Which made-up network (default: 1).")
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be created, and create nothing."
        )
        parser.add_argument(
            "--force", action="store_true", help="Run even if SITE_URL is not on this machine."
        )

    def handle(self, *, force, dry_run, **options):
        if not (settings.DEBUG or is_on_this_machine() or force):
            raise CommandError(
                f"{app_settings.SITE_URL} is not on this machine, and these people are made up. "
                "To create them anyway, add --force. Nobody will be able to log in as one of them."
            )
        self.seed(dry_run=dry_run, **options)

    def seed(self, *, dry_run, **options):
        raise NotImplementedError

    def in_batches(self, rows, total, label):
        """Yield lists of rows. On a terminal, show a progress bar with `label`, if the package rich is installed."""
        rows = iter(rows)
        for _start in self.with_progress_bar(range(0, total, BATCH), label):
            yield list(islice(rows, BATCH))

    def with_progress_bar(self, steps, label):
        if not self.stderr.isatty():
            return steps
        try:
            from rich.console import Console
            from rich.progress import track
        except ImportError:
            return steps
        return track(steps, description=label, console=Console(file=self.stderr._out))

    def say(self, text):
        self.stdout.write(self.style.SUCCESS(text))
