"""Made-up people and their follows, which look real and are always the same for the same seed."""

import random
from collections import Counter
from itertools import accumulate

from accounts import signals
from accounts.models import User
from accounts.models.user import FIRST_MILESTONE
from accounts.seeding.names import LANGUAGES, SHARES, split_name

# Reserved for documentation by RFC 2606, so emails to made-up people reach nobody.
EMAIL_DOMAIN = "example.com"


def make_people(seed, count):
    """Yield `count` unsaved User objects for this seed. A larger count yields the same people first."""
    rng = random.Random(f"people {seed}")
    languages, shares = list(SHARES), list(SHARES.values())
    uses = Counter()
    for _number in range(count):
        language = rng.choices(languages, shares)[0]
        yield make_person(rng, seed, language, uses)


def make_person(rng, seed, language, uses):
    """Return an unsaved User who writes in `language`. `uses` counts how often each username has been used."""
    given_names, family_names, family_first, bios = LANGUAGES[language]
    given, given_latin = split_name(rng.choice(given_names.split()))
    family, family_latin = split_name(rng.choice(family_names.split()))
    stem = rng.choice(
        [f"{given_latin}_{family_latin}", f"{given_latin}{family_latin}", f"{given_latin[0]}_{family_latin}"]
    )
    uses[stem] += 1
    username = stem if uses[stem] == 1 else f"{stem}{uses[stem]}"
    name = f"{family}{given}" if family_first else f"{given} {family}"
    return User(
        username=username,
        email=f"{username}@{language}.seed-{seed}.{EMAIL_DOMAIN}",
        # Some people never fill in their profile.
        display_name=name if rng.random() < 0.9 else "",
        bio=rng.choice(bios.split("|")) if rng.random() < 0.7 else "",
    )


def seeded_people():
    """Return all seeded people, oldest first."""
    return User.objects.filter(email__endswith=f".{EMAIL_DOMAIN}", email__contains=".seed-").order_by("pk")


def language_of(user):
    """Return the code of the language that a seeded person writes in."""
    return user.email.partition("@")[2].partition(".")[0]


def resolve_taken_names(people, taken, seed):
    """Rename the `people` whose username is in `taken`, by adding the number of the seed and, if needed, a counter."""
    taken = set(taken)
    for person in people:
        stem, number = f"{person.username[:25]}_{seed}", 1
        while person.username in taken:
            person.username = stem if number == 1 else f"{stem}_{number}"
            number += 1
        taken.add(person.username)


class Follows:
    """The follows among the people of a seed, who are identified by number.

    The number of followers follows a power law: the person of rank r is chosen in proportion to 1 / (r + 3) ** 0.8. So among
    1,000 people, the best known has several hundred followers and most have a few. A person's popularity and number of follows
    don't change when more people are added, so only the missing follows have to be stored.
    """

    def __init__(self, seed, count, mean):
        self.seed, self.count = seed, count
        known = random.Random(f"known {seed}")
        self.weights = [(known.random() * count + 3) ** -0.8 for _person in range(count)]
        self.sums = list(accumulate(self.weights))
        eager = random.Random(f"follows {seed}")
        numbers = (round(eager.lognormvariate(0, 0.7) * mean * 0.8) for _person in range(count))
        self.wanted = [min(count - 1, number) for number in numbers]

    def missing(self, follower, existing, barred):
        """Return a list of the people `follower` should follow in addition to `existing`, except `barred`. All are numbers."""
        missing = self.wanted[follower] - len(existing)
        if missing <= 0:
            return []
        barred = existing | barred | {follower}
        return [person for person in self._preferred(follower) if person not in barred][:missing]

    def _preferred(self, follower):
        """Return more people than `follower` should follow, always in the same order. May include `follower`."""
        rng = random.Random(f"follows {self.seed} {follower}")
        enough = 2 * self.wanted[follower] + 2
        if enough * 4 < self.count:
            return dict.fromkeys(rng.choices(range(self.count), cum_weights=self.sums, k=enough * 4))
        # For few people, returns everyone in a random order that favours popular people.
        return sorted(range(self.count), key=lambda person: rng.expovariate(self.weights[person]))


def finish():
    """Update counts and milestones, and send `follows_seeded`. Seeding commands call this last and send no other events."""
    store_milestones()
    signals.follows_seeded.send(sender=User)


def store_milestones():
    """Store the counts of everyone and the milestones of seeded people. Call it in a transaction.

    Otherwise, the next follower would cause an email about a milestone that was reached during seeding.
    """
    # Locks all these people in the usual order, by primary key.
    list(User.objects.miscounted().in_locking_order().values_list("pk"))
    User.objects.recount()
    threshold = FIRST_MILESTONE
    while (reached := seeded_people().filter(follower_count__gte=threshold)).exists():
        reached.filter(milestone__lt=threshold).update(milestone=threshold)
        threshold *= 10
