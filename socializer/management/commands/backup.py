import sqlite3
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone


class Command(BaseCommand):
    help = "Copies the embedded SQLite database to a file, whole and consistent, while the site runs."

    def add_arguments(self, parser):
        parser.add_argument(
            "file", nargs="?", type=Path, help="Where to; without it, var/backups/ and the moment."
        )

    def handle(self, *, file, **options):
        if connection.vendor != "sqlite":
            raise CommandError("The database is not SQLite. Use pg_dump.")
        live = Path(connection.settings_dict["NAME"])
        file = file or live.parent / "backups" / f"{timezone.now():%Y-%m-%d-%H%M%S}.sqlite3"
        if file.exists():
            raise CommandError(f"{file} is there already. Nothing was copied.")
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.part")
        try:
            copy(live, part)
            part.chmod(0o600)
            part.rename(file)
        except (OSError, sqlite3.Error) as error:
            part.unlink(missing_ok=True)
            raise CommandError(f"The backup failed: {error}") from error
        self.stdout.write(self.style.SUCCESS(f"Copied to {file}."))


def copy(source, target):
    """Copy a database by SQLite's own backup interface, which waits for writers and holds none up for long."""
    with sqlite3.connect(source, timeout=20) as origin, sqlite3.connect(target) as copied:
        origin.backup(copied, pages=2000, sleep=0.01)
    origin.close()
    copied.close()
