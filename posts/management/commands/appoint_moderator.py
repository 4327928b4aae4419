from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q

from accounts.models import User

GROUP = "Moderators"
# What moderators work with in the admin, by app and codename. To change people means to suspend and reinstate them: no
# more than that, as only administrators may edit them.
PERMISSIONS = {
    "accounts": ["view_user", "change_user", "view_follow", "view_moderationaction"],
    "posts": ["view_post", "change_post", "view_reportedpost"],
}


class Command(BaseCommand):
    help = (
        "Lets a member moderate in the admin: see and hide posts, work the queue of reports, suspend people."
    )

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--dismiss", action="store_true", help="Take it back instead.")

    @transaction.atomic
    def handle(self, *, username, dismiss=False, **options):
        try:
            user = User.objects.get_by_natural_key(username.removeprefix("@"))
        except User.DoesNotExist as error:
            raise CommandError(f"There is no member @{username}.") from error
        group, _created = Group.objects.get_or_create(name=GROUP)
        group.permissions.set(self.permissions())
        if dismiss:
            user.groups.remove(group)
        else:
            user.groups.add(group)
        user.is_staff = user.is_superuser or not dismiss
        user.save(update_fields=["is_staff"])
        self.stdout.write(f"{user} is {'no longer' if dismiss else 'now'} a moderator.")

    def permissions(self):
        wanted = Q()
        for app, codenames in PERMISSIONS.items():
            wanted |= Q(content_type__app_label=app, codename__in=codenames)
        return Permission.objects.filter(wanted)
