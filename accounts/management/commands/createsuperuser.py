from copy import copy

from django.contrib.auth.management.commands.createsuperuser import Command as DjangoCommand
from django.core.management.base import CommandError
from django.db import IntegrityError

from accounts.validators import validate_not_reserved


class Command(DjangoCommand):
    """Like Django's command, but rejects a taken username or email. Django only checks the username exactly as typed.

    It accepts reserved usernames such as "admin". They are reserved for the people who run the site.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        field = copy(self.username_field)
        field.validators = [each for each in field.validators if each is not validate_not_reserved]
        self.username_field = field

    def handle(self, *args, **options):
        try:
            return super().handle(*args, **options)
        except IntegrityError as error:
            raise CommandError("That username or email is taken. No account was created.") from error
