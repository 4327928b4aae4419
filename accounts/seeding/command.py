from argparse import ArgumentTypeError
from itertools import islice

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track

# One for all made-up people, so that it is hashed once; only ever set on one's own machine.
DEMO_PASSWORD = "quiet-timeline"  # noqa: S105

# SQLite takes 32,766 values in a statement; a post has five.
BATCH = 5_000


def positive(text):
    """A whole number above 0, for argparse."""
    if (number := int(text)) < 1:
        raise ArgumentTypeError(f"{number} is not above 0.")
    return number


def seed_number(text):
    """Up to nine digits, for argparse: it may become a part of usernames."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ArgumentTypeError(f"{text!r} is no number of up to nine digits.")
    return int(text)


class SeedCommand(BaseCommand):
    """Fills the database with made-up rows. The same --seed makes the same ones."""

    def add_arguments(self, parser):
        parser.add_argument("--seed", type=seed_number, default=1, help="Which made-up network (default: 1).")
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be made, and make nothing."
        )
        parser.add_argument(
            "--force", action="store_true", help="Do it on a site that is not on this machine."
        )

    def handle(self, *, force, dry_run, **options):
        if not (settings.DEBUG or settings.LOCAL or force):
            raise CommandError(
                f"{settings.SITE_URL} is not on this machine, and these people are made up. "
                "Add --force if you mean it; nobody can log in as one of them then."
            )
        self.seed(dry_run=dry_run, **options)

    def seed(self, *, dry_run, **options):
        raise NotImplementedError

    def in_batches(self, rows, total, words):
        """Yield lists of rows while a progress bar, if there is a terminal, says how far it is."""
        rows = iter(rows)
        console = Console(file=self.stderr._out)
        for _start in track(
            range(0, total, BATCH), description=words, console=console, disable=not console.is_terminal
        ):
            yield list(islice(rows, BATCH))

    def say(self, words):
        self.stdout.write(self.style.SUCCESS(words))
