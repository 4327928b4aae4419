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
        "Backs up the database and the profile pictures in one file, and checks that it can be restored. The site can keep "
        "running. Also keep a copy of .env, which is not in the file."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "file", nargs="?", type=Path, help="The file to write, or its folder. Default: BACKUP_DIR."
        )
        choices = parser.add_mutually_exclusive_group()
        choices.add_argument(
            "--check",
            action="store_true",
            help="Write nothing. Read the backup in FILE and restore its database into a scratch database.",
        )
        choices.add_argument(
            "--scheduled",
            action="store_true",
            help="Write to BACKUP_DIR if a backup is due according to BACKUP_INTERVAL_HOURS, then delete old ones.",
        )

    def handle(self, *, file, check, scheduled, **options):
        # Exit normally, so that unfinished files are removed.
        signal.signal(signal.SIGTERM, lambda *args: sys.exit(143))
        try:
            if scheduled and file:
                raise CommandError("Scheduled backups go to BACKUP_DIR. Leave out the file.")
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
            raise CommandError(f"Can't check {file}: {error}.") from error

    def check_file(self, file):
        if file is None:
            raise CommandError("Name the file to check.")
        manifest = check_backup(file, report=self.warn)
        self.say(f"{file} is a good backup: {summary(manifest)}.")

    def make(self, file):
        if os.path.isdir(file) or file == settings.BACKUP_DIR:
            file /= default_name()
        manifest = make_backup(file, report=self.warn)
        self.say(
            f"Backed up to {file}: {summary(manifest)}. Keep a copy on another machine, together with .env."
        )

    def say(self, message):
        self.stdout.write(self.style.SUCCESS(message))

    def warn(self, message):
        self.stderr.write(self.style.WARNING(message))


def summary(manifest):
    rows, files = sum(manifest.rows.values()), manifest.pictures["count"]
    return f"{rows:,} rows and {files:,} picture files"
