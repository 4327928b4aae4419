import signal
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from socializer.backups import BackupError, refuse_root
from socializer.backups.restoring import restore_backup


class Command(BaseCommand):
    help = (
        "Replaces the database by that of a backup, and adds the pictures that are missing. Stop the site first. The old "
        "database is kept, all members are logged out, and emails wait until manage.py release_outbox."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--another-site",
            action="store_true",
            help="Restore also if both SITE_URL and SECRET_KEY differ from those of the backup.",
        )

    def handle(self, *, file, another_site, **options):
        # So that what is half done is removed.
        signal.signal(signal.SIGTERM, lambda *args: sys.exit(143))
        notes = []
        try:
            refuse_root()
            kept = restore_backup(file, another_site=another_site, report=notes.append)
        except BackupError as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        for note in notes:
            self.stdout.write(note)
        self.stdout.write(self.style.SUCCESS(f"Restored {file}."))
        if kept:
            self.stdout.write(f"The old database is kept as {kept}. Delete it when you no longer need it.")
        self.stdout.write(
            "Start the site. Emails wait: manage.py release_outbox says which, and discards or sends them."
        )
