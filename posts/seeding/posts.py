"""Made-up posts: who writes how much, when, and what."""

import random
from datetime import timedelta
from itertools import accumulate

from accounts.seeding.people import language_of
from posts.ids import RANDOM_BITS, first_id_at, moment_of
from posts.models import Post
from posts.seeding.phrases import Voice

BURST = timedelta(minutes=40)


def make_posts(seed, authors, count, start, end):
    """Yield `count` unsaved Post by `authors` between `start` and `end`, in the order of their ids, all different.

    A few write most, in proportion to 1 / (rank + 2) ** 0.7; a quarter have fallen silent at some moment; every
    third post belongs to a burst, within 40 minutes of another of its author.
    """
    rng = random.Random(f"posts {seed}")
    names = [author.username for author in authors]
    voices = {author.pk: Voice(rng, language_of(author)) for author in authors}
    latest = 0
    for moment, author in sorted(make_moments(rng, authors, count, start, end)):
        latest = max(latest + 1, first_id_at(moment) | rng.getrandbits(RANDOM_BITS))
        yield Post(
            id=latest,
            author_id=author,
            content=voices[author].write(rng, names),
            created_on=moment_of(latest),
        )


def make_moments(rng, authors, count, start, end):
    """Yield `count` pairs of a moment and the primary key of who posts then, in no order."""
    ranked = rng.sample([author.pk for author in authors], len(authors))
    weights = list(accumulate((rank + 2) ** -0.7 for rank in range(len(ranked))))
    silent_from = {author: rng.uniform(0.1, 1) if rng.random() < 0.25 else 1 for author in ranked}
    last = {}
    for author in rng.choices(ranked, cum_weights=weights, k=count):
        if author in last and rng.random() < 0.33:
            moment = min(last[author] + BURST * rng.random(), end)
        else:
            moment = start + (end - start) * silent_from[author] * rng.random()
        last[author] = moment
        yield moment, author
