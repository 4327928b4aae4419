import random
import re
from collections import defaultdict
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts.common.app_settings import is_on_this_machine
from accounts.common.seeding import DEMO_PASSWORD, SeedCommand, positive
from accounts.models import Block, Follow, RetiredUsername, User
from accounts.seeding.people import EMAIL_DOMAIN, Follows, finish, make_people, resolve_taken_names

# The number of people whose follows and blocks are read in one batch.
FOLLOWERS = 1_000
# Matches usernames that seeding may have changed because the original was taken.
SEEDED_NAME = re.compile(r"_\d+$")


class Command(SeedCommand):
    help = (
        "Adds made-up people who follow each other, with names in several languages. A few are very popular. "
        "With the same seed again, adds only missing people and follows. Sends no events and no emails."
    )

    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("--count", type=positive, default=1000, help="How many people (default: 1000).")
        parser.add_argument(
            "--follows",
            type=positive,
            default=30,
            help="How many people each follows, on average (default: 30).",
        )

    @transaction.atomic
    def seed(self, *, seed, count, follows, dry_run, **options):
        people = list(make_people(seed, count))
        keys = self.stored_keys(seed)
        missing = [person for person in people if person.email not in keys]
        resolve_taken_names(missing, self.taken_names(missing), seed)
        if not dry_run:
            self.store_people(missing)
            keys |= {person.email: person.pk for person in missing}
            # The lock prevents blocks between these people until the follows are stored.
            list(self.stored_people(seed).in_locking_order().values_list("pk"))
        pairs = self.missing_follows([keys.get(person.email) for person in people], seed, follows)
        if dry_run:
            self.say(f"Would add {len(missing):,} of {count:,} people and {len(pairs):,} follows.")
            return
        self.store_follows(pairs)
        finish()
        self.say(f"Added {len(missing):,} people and {len(pairs):,} follows.")
        if missing and is_on_this_machine():
            self.say(f"Their password is {DEMO_PASSWORD}.")

    def stored_keys(self, seed):
        """Return a dict that maps the email addresses of this seed's people to their primary keys."""
        return dict(self.stored_people(seed).values_list("email", "pk"))

    def stored_people(self, seed):
        return User.objects.filter(email__endswith=f".seed-{seed}.{EMAIL_DOMAIN}")

    def taken_names(self, people):
        """Return the set of current and retired usernames that may collide with those of `people`."""
        starts = {person.username for person in people}
        taken = set()
        for model in (User, RetiredUsername):
            names = model.objects.values_list("username", flat=True)
            taken |= {name for name in names.iterator() if name in starts or SEEDED_NAME.search(name)}
        return taken

    def store_people(self, people):
        password = make_password(DEMO_PASSWORD if is_on_this_machine() else None)
        for person in people:
            person.password = password
        for batch in self.in_batches(people, len(people), "People"):
            stored = User.objects.bulk_create(batch)
            EmailAddress.objects.bulk_create(
                EmailAddress(user=person, email=person.email, primary=True, verified=True)
                for person in stored
            )

    def missing_follows(self, keys, seed, mean):
        """Return a list of (follower, followed) pairs of primary keys in random order. A new person's key is None."""
        follows, numbers = (
            Follows(seed, len(keys), mean),
            {key: number for number, key in enumerate(keys) if key},
        )
        pairs = []
        for start in range(0, len(keys), FOLLOWERS):
            followers = range(start, min(start + FOLLOWERS, len(keys)))
            existing, barred = self.relationships(
                [keys[number] for number in followers if keys[number]], numbers
            )
            for number in followers:
                chosen = follows.missing(number, existing[number], barred[number])
                pairs += [(keys[number], keys[followed]) for followed in chosen]
        random.Random(f"order {seed}").shuffle(pairs)
        return pairs

    def relationships(self, keys, numbers):
        """Return two dicts keyed by a person's number: the people they follow, and the people they can't follow."""
        existing, barred = defaultdict(set), defaultdict(set)
        for follower, followed in self.pairs(Follow, "follower", "followed", keys):
            if followed in numbers:
                existing[numbers[follower]].add(numbers[followed])
        for sides in (("blocker", "blocked"), ("blocked", "blocker")):
            for one, other in self.pairs(Block, *sides, keys):
                barred[numbers[one]].add(numbers.get(other))
        return existing, barred

    @staticmethod
    def pairs(model, one, other, keys):
        return model.objects.filter(**{f"{one}__in": keys}).values_list(one, other).iterator()

    def store_follows(self, pairs):
        now = timezone.now()
        start, step = now - timedelta(days=365), timedelta(days=365) / max(len(pairs), 1)
        rows = (
            Follow(follower_id=follower, followed_id=followed, created_on=start + step * number)
            for number, (follower, followed) in enumerate(pairs)
        )
        for batch in self.in_batches(rows, len(pairs), "Follows"):
            Follow.objects.bulk_create(batch, ignore_conflicts=True)
