from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.addresses import canonical_email
from accounts.emails.samples import all_samples
from accounts.jobs.trouble import answer_of


class Command(BaseCommand):
    help = "Sends a mail with made-up facts, to see that mails leave and how they look when they arrive."

    def add_arguments(self, parser):
        parser.add_argument("address")
        parser.add_argument("kind", help="all, or one of: " + ", ".join(all_samples()))

    def handle(self, *, address, kind, **options):
        samples = all_samples()
        if kind != "all" and kind not in samples:
            raise CommandError(f"There is no mail {kind!r}. There are: all, {', '.join(samples)}.")
        try:
            address = canonical_email(address)
        except ValidationError as error:
            raise CommandError(f"{address!r} is no email address. {' '.join(error.messages)}") from error
        for sample in samples.values() if kind == "all" else [samples[kind]]:
            self.send(sample, address)

    def send(self, sample, address):
        try:
            sample.message(address).send()
        except OSError as error:
            raise CommandError(f"{sample.name} was not sent. Check EMAIL_URL. {answer_of(error)}") from error
        self.stdout.write(f"{sample.name} was handed to the mail server.")
