import sqlite3
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from accounts.jobs.worker import AnotherWorker, only_one_on_sqlite
from accounts.models import User
from posts.models import Post
from socializer.management.commands.backup import copy


class Command(BaseCommand):
    help = (
        "Replaces the embedded SQLite database by a backup, after looking whether it is whole and one of this site's. "
        "Stop the site first; what was there is kept beside it."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)

    def handle(self, *, file, **options):
        if connection.vendor != "sqlite":
            raise CommandError("The database is not SQLite. Use pg_restore.")
        self.refuse_what_is_no_backup(file)
        try:
            with only_one_on_sqlite():
                self.replace_by(file)
        except AnotherWorker as error:
            raise CommandError("The site is running. Stop it first. Nothing was changed.") from error

    def replace_by(self, file):
        live = Path(connection.settings_dict["NAME"])
        connection.close()
        try:
            kept = live.with_name(f"{live.name}.before-restore-{timezone.now():%Y-%m-%d-%H%M%S}")
            if live.exists():
                copy(live, kept)
            copy(file, live)
        except (OSError, sqlite3.Error) as error:
            raise CommandError(f"The restore failed: {error}") from error
        self.stdout.write(
            self.style.SUCCESS(f"Restored. What was there is in {kept}. Now run: manage.py migrate")
        )

    def refuse_what_is_no_backup(self, file):
        if not file.is_file():
            raise CommandError(f"There is no file {file}. Nothing was changed.")
        try:
            backup = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
            try:
                sound = backup.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                tables = {
                    name for (name,) in backup.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                }
            finally:
                backup.close()
        except sqlite3.Error as error:
            raise CommandError(f"{file} cannot be read: {error}. Nothing was changed.") from error
        ours = {User._meta.db_table, Post._meta.db_table, "django_migrations"}
        if not sound or not ours <= tables:
            raise CommandError(f"{file} is damaged, or no backup of this site. Nothing was changed.")
