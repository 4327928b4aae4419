"""Made-up people and whom they follow: believable, and the same for the same seed."""

import random
from collections import Counter
from itertools import accumulate

from accounts import signals
from accounts.emails.followers import thresholds
from accounts.models import Milestone, User
from accounts.seeding.names import LANGUAGES, SHARES, split_name

# Reserved for documentation (RFC 2606): no mail to a made-up person reaches anybody.
EMAIL_DOMAIN = "example.com"


def make_people(seed, count):
    """Yield `count` unsaved User of this seed. The first ones are the same for every count."""
    rng = random.Random(f"people {seed}")
    languages, shares = list(SHARES), list(SHARES.values())
    bearers = Counter()
    for _number in range(count):
        language = rng.choices(languages, shares)[0]
        yield make_person(rng, seed, language, bearers)


def make_person(rng, seed, language, bearers):
    """Return an unsaved User who writes in `language`. `bearers` counts how many have a name already."""
    given_names, family_names, family_first, bios = LANGUAGES[language]
    given, given_latin = split_name(rng.choice(given_names.split()))
    family, family_latin = split_name(rng.choice(family_names.split()))
    stem = rng.choice(
        [f"{given_latin}_{family_latin}", f"{given_latin}{family_latin}", f"{given_latin[0]}_{family_latin}"]
    )
    bearers[stem] += 1
    username = stem if bearers[stem] == 1 else f"{stem}{bearers[stem]}"
    name = f"{family}{given}" if family_first else f"{given} {family}"
    return User(
        username=username,
        email=f"{username}@{language}.seed-{seed}.{EMAIL_DOMAIN}",
        # Some never fill in their profile.
        display_name=name if rng.random() < 0.9 else "",
        bio=rng.choice(bios.split("|")) if rng.random() < 0.7 else "",
    )


def seeded_people():
    """Everyone whom seeding has made, oldest first."""
    return User.objects.filter(email__endswith=f".{EMAIL_DOMAIN}", email__contains=".seed-").order_by("pk")


def language_of(user):
    """The language in which a seeded person writes."""
    return user.email.partition("@")[2].partition(".")[0]


def name_freely(people, taken, seed):
    """Give each of `people` whose name is among `taken` another one: with the seed's number, then with a count."""
    taken = set(taken)
    for person in people:
        stem, number = f"{person.username[:25]}_{seed}", 1
        while person.username in taken:
            person.username = stem if number == 1 else f"{stem}_{number}"
            number += 1
        taken.add(person.username)


class Follows:
    """Who follows whom among the people of a seed, who are known by their number.

    Followers are spread by a power law: the person of rank r is chosen in proportion to 1 / (r + 3) ** 0.8, so that
    of 1,000 people the best known has some hundreds of followers and most have a few. How well known somebody is, and how
    many they follow, stays the same when more people join: then only what is missing has to be added.
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
        """Return whom `follower` has yet to follow: numbers, as are whom they follow already, and whom they can't."""
        short = self.wanted[follower] - len(existing)
        if short <= 0:
            return []
        barred = existing | barred | {follower}
        return [person for person in self._preferred(follower) if person not in barred][:short]

    def _preferred(self, follower):
        """More people than `follower` wants to follow, the same ones each time, themselves perhaps among them."""
        rng = random.Random(f"follows {self.seed} {follower}")
        enough = 2 * self.wanted[follower] + 2
        if enough * 4 < self.count:
            return dict.fromkeys(rng.choices(range(self.count), cum_weights=self.sums, k=enough * 4))
        # Among few, everyone in a random order in which the well known tend to come first.
        return sorted(range(self.count), key=lambda person: rng.expovariate(self.weights[person]))


def finish():
    """Bring up to date what is derived from the rows that seeding has stored without events. Every seeding ends with it."""
    note_milestones()
    signals.follows_seeded.send(sender=User)


def note_milestones():
    """Store everybody's counts, and what made-up people have reached. Call it in a transaction.

    Nobody is congratulated on what they have when the next one follows them.
    """
    # All at once, but locked in the order in which everyone locks.
    list(User.objects.miscounted().in_locking_order().values_list("pk"))
    User.objects.recount()
    counted = seeded_people().values_list("pk", "follower_count")
    reached = [
        Milestone(user_id=pk, threshold=threshold) for pk, count in counted for threshold in thresholds(count)
    ]
    Milestone.objects.bulk_create(reached, batch_size=1_000, ignore_conflicts=True)
