from django.contrib.auth.management.commands.createsuperuser import Command as DjangoCommand
from django.core.management.base import CommandError
from django.db import IntegrityError


class Command(DjangoCommand):
    """Django's, with a sentence where a name or address is taken: it checks only the name, and only as typed."""

    def handle(self, *args, **options):
        try:
            return super().handle(*args, **options)
        except IntegrityError as error:
            raise CommandError("That username or email is taken. Nothing was made.") from error
