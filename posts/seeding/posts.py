"""Made-up posts: who writes how much, when, and what."""

import random
from datetime import timedelta
from itertools import accumulate
from uuid import UUID, uuid5

from accounts.seeding.people import language_of, seeded_people
from posts.ids import RANDOM_BITS, first_id_at, moment_of
from posts.models import Post
from posts.seeding.phrases import Voice

NAMESPACE = UUID("5e5b1f0a-6d0e-4c4f-9d0b-0c6f3b1f7a52")
BURST = timedelta(minutes=40)


def submission_of(seed, number):
    """What marks a post as the one of that number of a seed, so that it is made once, whenever seeding runs."""
    return uuid5(NAMESPACE, f"{seed} {number}")


def stored_submissions():
    """The marks of all posts that made-up people have, hidden ones too."""
    posts = Post.objects.filter(author__in=seeded_people().order_by(), submission__isnull=False)
    return set(posts.values_list("submission", flat=True).iterator())


def make_posts(seed, authors, count, start, end, stored=frozenset()):
    """Yield `count` unsaved Post by `authors` between `start` and `end`, in the order of their ids, all different.

    Those whose mark is among `stored` are left out. A few authors write most, in proportion to 1 / (rank + 2) ** 0.7; a
    quarter have fallen silent at some moment; every third post belongs to a burst, within 40 minutes of another of its author.
    """
    rng = random.Random(f"posts {seed}")
    names = [author.username for author in authors]
    voices = {author.pk: Voice(rng, language_of(author)) for author in authors}
    latest = 0
    for moment, author, number in sorted(make_moments(rng, authors, count, start, end)):
        latest = max(latest + 1, first_id_at(moment) | rng.getrandbits(RANDOM_BITS))
        content, submission = voices[author].write(rng, names), submission_of(seed, number)
        if submission not in stored:
            yield Post(
                id=latest,
                author_id=author,
                content=content,
                created_on=moment_of(latest),
                submission=submission,
            )


def make_moments(rng, authors, count, start, end):
    """Yield, for each of `count` posts, when it is posted, the primary key of who does, and its number; by number."""
    ranked = rng.sample([author.pk for author in authors], len(authors))
    weights = list(accumulate((rank + 2) ** -0.7 for rank in range(len(ranked))))
    silent_from = {author: rng.uniform(0.1, 1) if rng.random() < 0.25 else 1 for author in ranked}
    last = {}
    for number, author in enumerate(rng.choices(ranked, cum_weights=weights, k=count)):
        if author in last and rng.random() < 0.33:
            moment = min(last[author] + BURST * rng.random(), end)
        else:
            moment = start + (end - start) * silent_from[author] * rng.random()
        last[author] = moment
        yield moment, author, number
