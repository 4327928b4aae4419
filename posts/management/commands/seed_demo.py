import random
from datetime import timedelta

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from accounts.models import Follow, User
from accounts.seeding.command import DEMO_PASSWORD, SeedCommand
from accounts.seeding.people import EMAIL_DOMAIN, finish, seeded_people

DEMO_USERNAME = "demo"
SEED = 1
DEMO_EMAIL = f"{DEMO_USERNAME}@en.seed-{SEED}.{EMAIL_DOMAIN}"


def demo_member():
    """The member that this makes, or None. Somebody else may have the name."""
    return User.objects.filter(username=DEMO_USERNAME, email=DEMO_EMAIL).first()


class Command(SeedCommand):
    help = (
        "Makes the network that a new site is tried out with: 300 people, 6,000 posts, and a member to log in as. "
        "Run again it adds only what is missing."
    )

    @transaction.atomic
    def seed(self, *, dry_run, **options):
        if not demo_member() and User.objects.filter(username=DEMO_USERNAME).exists():
            raise CommandError(f"The name {DEMO_USERNAME} belongs to somebody else here.")
        # Whether this may be done was decided above.
        common = {
            "seed": SEED,
            "force": True,
            "dry_run": dry_run,
            "stdout": self.stdout,
            "stderr": self.stderr,
        }
        call_command("seed_users", count=300, follows=25, **common)
        if dry_run:
            self.say(f"And posts by them, and a member called {DEMO_USERNAME}, as far as they are missing.")
            return
        if not demo_member():
            self.make_demo_member()
        call_command("seed_posts", count=6000, days=60, **common)

    def make_demo_member(self):
        """A member with a home timeline to read and followers to see."""
        demo = User.objects.create_user(
            DEMO_USERNAME,
            DEMO_EMAIL,
            DEMO_PASSWORD if settings.LOCAL else None,
            display_name="Demo Member",
            bio="Anyone may log in as me and look around.",
        )
        demo.add_email_address(verified=True)
        rng = random.Random(SEED)
        people = rng.sample(list(seeded_people().exclude(pk=demo.pk)), 60)
        start = timezone.now() - timedelta(days=30)
        follows = [Follow(follower=demo, followed=person) for person in people[:45]]
        follows += [Follow(follower=person, followed=demo) for person in people[25:]]
        for number, follow in enumerate(follows):
            follow.created_on = start + number * timedelta(hours=8)
        Follow.objects.bulk_create(follows)
        finish()
        self.say(f"Made the member {DEMO_USERNAME}.")
