import random
from datetime import timedelta

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from accounts.common.app_settings import is_on_this_machine
from accounts.common.seeding import DEMO_PASSWORD, SeedCommand
from accounts.models import Follow, User
from accounts.seeding.people import EMAIL_DOMAIN, finish, seeded_people
from posts.seeding import demo

DEMO_USERNAME = "demo"
SEED = 1
DEMO_EMAIL = f"{DEMO_USERNAME}@en.seed-{SEED}.{EMAIL_DOMAIN}"


def demo_member():
    """Return the member that this command created, or None. The username may belong to a different member."""
    return User.objects.filter(username=DEMO_USERNAME, email=DEMO_EMAIL).first()


class Command(SeedCommand):
    help = (
        "Makes a demo network for trying out a new site: 300 people, 6,000 posts, and a member to log in as, who has "
        "notifications and bookmarks. If it runs again, it adds only what is missing."
    )

    @transaction.atomic
    def seed(self, *, dry_run, **options):
        if not demo_member() and User.objects.filter(username=DEMO_USERNAME).exists():
            raise CommandError(f"Another member has the name {DEMO_USERNAME}.")
        # Use `force` because SeedCommand has already checked whether seeding is allowed.
        common = {
            "seed": SEED,
            "force": True,
            "dry_run": dry_run,
            "stdout": self.stdout,
            "stderr": self.stderr,
        }
        call_command("seed_users", count=300, follows=25, **common)
        if dry_run:
            self.say(f"Would also make the posts and the member {DEMO_USERNAME}, if they are missing.")
            return
        is_new = not demo_member()
        if is_new:
            self.make_demo_member()
        call_command("seed_posts", count=6000, days=60, **common)
        if is_new:
            demo.furnish(demo_member(), random.Random(SEED), timezone.now())

    def make_demo_member(self):
        """Create a member who follows people and has followers."""
        member = User.objects.create_user(
            DEMO_USERNAME,
            DEMO_EMAIL,
            DEMO_PASSWORD if is_on_this_machine() else None,
            display_name="Demo Member",
            bio="Anyone may log in as me and look around.",
        )
        member.add_email_address(verified=True)
        rng = random.Random(SEED)
        people = rng.sample(list(seeded_people().exclude(pk=member.pk)), 60)
        start = timezone.now() - timedelta(days=30)
        follows = [Follow(follower=member, followed=person) for person in people[:45]]
        follows += [Follow(follower=person, followed=member) for person in people[25:]]
        for number, follow in enumerate(follows):
            follow.created_on = start + number * timedelta(hours=9)
        Follow.objects.bulk_create(follows)
        finish()
        self.say(f"Made the member {DEMO_USERNAME}.")
