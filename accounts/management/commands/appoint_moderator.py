from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from accounts.moderation import permissions

GROUP = "Moderators"


class Command(BaseCommand):
    help = (
        "Makes a member a moderator. In the admin, moderators can suspend people and handle reports about what people write, "
        "such as posts."
    )

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--dismiss", action="store_true", help="Make them an ordinary member again.")

    @transaction.atomic
    def handle(self, *, username, dismiss=False, **options):
        try:
            user = User.objects.get_by_natural_key(username.removeprefix("@"))
        except User.DoesNotExist as error:
            raise CommandError(f"There is no member @{username}.") from error
        group, _created = Group.objects.get_or_create(name=GROUP)
        group.permissions.set(permissions.all_permissions())
        if dismiss:
            user.groups.remove(group)
        else:
            user.groups.add(group)
        user.is_staff = user.is_superuser or not dismiss
        user.save(update_fields=["is_staff"])
        self.stdout.write(f"{user} is {'no longer' if dismiss else 'now'} a moderator.")
