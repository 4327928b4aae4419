from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from accounts.emails.models import OutboxHold
from accounts.outbox_hold import discard_held, held_emails, send_held


class Command(BaseCommand):
    help = (
        "Sends emails again after a restore. Emails that were waiting when the backup was made were probably sent after that: "
        "--discard treats them as sent, --send sends them. Without either option, it shows how many are on hold."
    )

    def add_arguments(self, parser):
        choices = parser.add_mutually_exclusive_group()
        choices.add_argument("--discard", action="store_true", help="Treat the emails on hold as sent.")
        choices.add_argument(
            "--send",
            action="store_true",
            help="Send the emails on hold. Use this if nobody has received them.",
        )

    def handle(self, *, discard, send, **options):
        try:
            hold = OutboxHold.objects.first()
        except DatabaseError as error:
            raise CommandError(
                f"The database can't be read: {error}. Run manage.py doctor for details."
            ) from error
        if hold is None:
            self.stdout.write("No emails are on hold.")
        elif discard:
            self.stdout.write(
                self.style.SUCCESS(f"Discarded {discard_held():,} emails. New ones will be sent.")
            )
        elif send:
            self.stdout.write(self.style.SUCCESS(f"Sending {send_held():,} emails, and new ones."))
        else:
            raise CommandError(
                f"{held_emails().count():,} emails and all digests have been on hold since the restore at "
                f"{hold.since:%Y-%m-%d %H:%M} UTC. Add --discard if they were sent after the backup was made, or --send if not."
            )
