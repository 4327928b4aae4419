from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.common.addresses import canonical_email
from accounts.emails.samples import all_samples
from accounts.emails.smtp import server_reply


class Command(BaseCommand):
    help = (
        "Sends an email with made-up data, to check that emails are sent and how they look when they arrive."
    )

    def add_arguments(self, parser):
        parser.add_argument("address")
        parser.add_argument("type", help="all, or one of: " + ", ".join(all_samples()))

    def handle(self, *, address, type, **options):
        samples = all_samples()
        if type != "all" and type not in samples:
            raise CommandError(f"There is no email {type!r}. Choose from: all, {', '.join(samples)}.")
        try:
            address = canonical_email(address)
        except ValidationError as error:
            raise CommandError(f"{address!r} is not an email address. {' '.join(error.messages)}") from error
        for sample in samples.values() if type == "all" else [samples[type]]:
            self.send(sample, address)

    def send(self, sample, address):
        try:
            sample.message(address).send()
        except OSError as error:
            raise CommandError(
                f"{sample.name} was not sent. Check EMAIL_URL. {server_reply(error)}"
            ) from error
        self.stdout.write(f"{sample.name} was sent to the mail server.")
