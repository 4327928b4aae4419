import os
import signal
import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from socializer.backups import BackupError, refuse_root
from socializer.backups.making import check_backup, make_backup
from socializer.backups.rotation import default_name, make_scheduled_backup


class Command(BaseCommand):
    help = (
        "Makes one file of the database and the members' pictures, consistent while the site runs, and proves that it can be "
        "restored. It holds everything but .env: keep that, too."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "file", nargs="?", type=Path, help="The file to write, or its folder. Without it: BACKUP_DIR."
        )
        choices = parser.add_mutually_exclusive_group()
        choices.add_argument(
            "--check",
            action="store_true",
            help="Write nothing; read the backup in FILE and restore its database into a scratch one.",
        )
        choices.add_argument(
            "--scheduled",
            action="store_true",
            help="Write to BACKUP_DIR if a backup is due there by BACKUP_EVERY, then delete old ones.",
        )

    def handle(self, *, file, check, scheduled, **options):
        # So that what is half done is removed.
        signal.signal(signal.SIGTERM, lambda *args: sys.exit(143))
        try:
            if scheduled and file:
                raise CommandError("Scheduled backups are written to BACKUP_DIR, and not to a file.")
            if not check:
                refuse_root()
            if scheduled:
                make_scheduled_backup(report=self.warn)
            elif check:
                self.check_file(file)
            else:
                self.make(file or settings.BACKUP_DIR)
        except BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{file} could not be checked: {error}.") from error

    def check_file(self, file):
        if file is None:
            raise CommandError("Say which file to check.")
        manifest = check_backup(file, report=self.warn)
        self.say(f"{file} is whole: {described(manifest)}.")

    def make(self, file):
        if os.path.isdir(file) or file == settings.BACKUP_DIR:
            file /= default_name()
        manifest = make_backup(file, report=self.warn)
        self.say(f"Backed up to {file}: {described(manifest)}. Keep a copy elsewhere, and .env with it.")

    def say(self, words):
        self.stdout.write(self.style.SUCCESS(words))

    def warn(self, words):
        self.stderr.write(self.style.WARNING(words))


def described(manifest):
    rows, files = sum(manifest.rows.values()), manifest.pictures["count"]
    return f"{rows:,} rows and {files:,} files of pictures"
