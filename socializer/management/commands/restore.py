import signal
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from socializer.backups import BackupError, refuse_root
from socializer.backups.restoring import restore_backup


class Command(BaseCommand):
    help = (
        "Replaces the database with one from a backup, and adds missing pictures. Stop the site first. The old database is "
        "kept, all members are logged out, and emails wait until you run manage.py release_outbox."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--another-site",
            action="store_true",
            help="Restore even if both SITE_URL and SECRET_KEY differ from those of the backup.",
        )

    def handle(self, *, file, another_site, **options):
        # Exit normally, so that unfinished files are removed.
        signal.signal(signal.SIGTERM, lambda *args: sys.exit(143))
        messages = []
        try:
            refuse_root()
            old_database = restore_backup(file, another_site=another_site, report=messages.append)
        except BackupError as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        for message in messages:
            self.stdout.write(message)
        self.stdout.write(self.style.SUCCESS(f"Restored {file}."))
        if old_database:
            self.stdout.write(
                f"The old database is kept as {old_database}. Delete it when you no longer need it."
            )
        self.stdout.write(
            "Start the site. Emails wait: manage.py release_outbox counts them, and sends or discards them."
        )
