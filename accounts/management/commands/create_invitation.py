from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.joining.invitations import MOST_PEOPLE, create_invitation
from accounts.models import SignupMode, SiteSettings, User


class Command(BaseCommand):
    help = "Prints a link with which people can sign up, whatever the budgets of members are."

    def add_arguments(self, parser):
        parser.add_argument(
            "--uses", type=int, default=1, help="How many people can use the link. Default: 1."
        )
        parser.add_argument("--days", type=int, default=7, help="How many days it works. Default: 7.")
        parser.add_argument(
            "--follow",
            nargs="+",
            default=[],
            metavar="USERNAME",
            help="Members whom newcomers are offered to follow.",
        )

    def handle(self, *, uses, days, follow, **options):
        if not 1 <= uses <= MOST_PEOPLE:
            raise CommandError(f"--uses must be a number from 1 to {MOST_PEOPLE:,}.")
        if not 1 <= days <= 3650:
            raise CommandError("--days must be a number from 1 to 3650.")
        names = [name.removeprefix("@").lower() for name in follow]
        people = list(User.objects.visible().filter(username__in=names))
        if missing := sorted(set(names) - {person.username for person in people}):
            raise CommandError(f"There is no member @{missing[0]}.")
        invitation = create_invitation(None, limit=uses, days=days, people=people)
        self.stdout.write(invitation.url)
        if SiteSettings.load().signup_mode == SignupMode.CLOSED:
            self.stderr.write("Sign-up is closed in the site settings, so no invitation works at the moment.")
        until = timezone.localtime(invitation.expires_on)
        self.stderr.write(
            f"For {uses:,} {'person' if uses == 1 else 'people'}, until {until:%Y-%m-%d %H:%M %Z}."
        )
