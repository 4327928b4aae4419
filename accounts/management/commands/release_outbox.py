from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from accounts.emails.hold import discard_held, held_emails, send_held
from accounts.models import OutboxHold


class Command(BaseCommand):
    help = (
        "Lets emails leave again after a restore. What the backup still had to send was probably sent after it was made: "
        "--discard counts all of that as sent, --send sends it. Without either it says what waits."
    )

    def add_arguments(self, parser):
        choices = parser.add_mutually_exclusive_group()
        choices.add_argument(
            "--discard", action="store_true", help="Count as sent what the backup still had to send."
        )
        choices.add_argument("--send", action="store_true", help="Send it: nobody has got it yet.")

    def handle(self, *, discard, send, **options):
        try:
            hold = OutboxHold.objects.first()
        except DatabaseError as error:
            raise CommandError(f"The database can't be read: {error}. manage.py doctor says more.") from error
        if hold is None:
            self.stdout.write("Emails are not held.")
        elif discard:
            self.stdout.write(self.style.SUCCESS(f"Discarded {discard_held():,} emails. New ones are sent."))
        elif send:
            self.stdout.write(self.style.SUCCESS(f"{send_held():,} emails are sent now, and new ones."))
        else:
            raise CommandError(
                f"{held_emails().count():,} emails and all digests wait since the restore of {hold.since:%Y-%m-%d %H:%M} UTC. "
                "Add --discard if they were sent after the backup was made, or --send if not."
            )
