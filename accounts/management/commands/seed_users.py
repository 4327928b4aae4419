from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts.models import Follow, User
from accounts.seeding.command import DEMO_PASSWORD, SeedCommand, positive
from accounts.seeding.people import make_follows, make_people, note_milestones


class Command(SeedCommand):
    help = (
        "Makes up people who follow each other, with names in several languages and a few who are very well known. "
        "Run again with the same seed it adds only who and what is missing. Publishes no events and sends no mail."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--count", type=positive, default=1000, help="How many people (default: 1000).")
        parser.add_argument(
            "--follows", type=positive, default=30, help="Whom each follows, on average (default: 30)."
        )

    @transaction.atomic
    def seed(self, *, seed, count, follows, dry_run, **options):
        people = list(make_people(seed, count))
        missing = self.missing(people, seed)
        if dry_run:
            self.say(
                f"Would make {len(missing):,} of {count:,} people, who follow about {follows} others each."
            )
            return
        self.store_people(missing)
        emails = [person.email for person in people]
        now = timezone.now()
        made = self.store_follows(
            make_follows(seed, self.primary_keys(emails), follows, now - timedelta(days=365), now)
        )
        self.say(f"Made {len(missing):,} people and {made:,} follows.")
        if missing and settings.LOCAL:
            self.say(f"Everyone's password is {DEMO_PASSWORD}.")

    def missing(self, people, seed):
        """Those who are not there yet; a name that somebody else has gets the seed's number behind it."""
        there = dict(User.objects.values_list("username", "email"))
        for person in people:
            if there.get(person.username, person.email) != person.email:
                person.username = f"{person.username[:30]}_{seed}"
        return [person for person in people if person.username not in there]

    def store_people(self, people):
        password = make_password(DEMO_PASSWORD if settings.LOCAL else None)
        for person in people:
            person.password = password
        for batch in self.in_batches(people, len(people), "People"):
            stored = User.objects.bulk_create(batch)
            EmailAddress.objects.bulk_create(
                EmailAddress(user=person, email=person.email, primary=True, verified=True)
                for person in stored
            )

    def primary_keys(self, emails):
        keys = dict(User.objects.filter(email__contains=".seed-").values_list("email", "pk"))
        return [keys[email] for email in emails]

    def store_follows(self, follows):
        before = Follow.objects.count()
        for batch in self.in_batches(follows, len(follows), "Follows"):
            Follow.objects.bulk_create(batch, ignore_conflicts=True)
        note_milestones()
        return Follow.objects.count() - before
