"""Made-up people and whom they follow: believable, and the same for the same seed."""

import random
from collections import Counter
from itertools import accumulate

from accounts.emails.followers import thresholds
from accounts.models import Follow, Milestone, User
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


def make_follows(seed, people, mean, start, end):
    """Return unsaved Follow among `people` (primary keys), about `mean` for each, made between `start` and `end`.

    Followers are spread by a power law: the person of rank r is chosen in proportion to 1 / (r + 3) ** 0.8, so that
    of 1,000 people the best known has some hundreds of followers and most have a few.
    """
    rng = random.Random(f"follows {seed}")
    ranked = rng.sample(people, len(people))
    weights = list(accumulate((rank + 3) ** -0.8 for rank in range(len(ranked))))
    pairs = []
    for follower in people:
        wanted = min(len(people) - 1, round(rng.lognormvariate(0, 0.7) * mean * 0.8))
        chosen = dict.fromkeys(rng.choices(ranked, cum_weights=weights, k=wanted * 2))
        chosen.pop(follower, None)
        pairs += [(follower, followed) for followed in list(chosen)[:wanted]]
    rng.shuffle(pairs)
    step = (end - start) / max(len(pairs), 1)
    return [
        Follow(follower_id=follower, followed_id=followed, created_on=start + step * number)
        for number, (follower, followed) in enumerate(pairs)
    ]


def note_milestones():
    """Store everybody's counts, and what made-up people have reached: nobody is congratulated on it when the next one follows."""
    User.objects.recount()
    counted = seeded_people().values_list("pk", "follower_count")
    reached = [
        Milestone(user_id=pk, threshold=threshold) for pk, count in counted for threshold in thresholds(count)
    ]
    Milestone.objects.bulk_create(reached, batch_size=1_000, ignore_conflicts=True)
