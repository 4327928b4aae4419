"""Generates posts: how many each person writes, when, and about what."""

import random
from datetime import timedelta
from itertools import accumulate
from uuid import UUID, uuid5

from accounts.seeding.people import language_of, seeded_people
from posts.ids import RANDOM_BITS, first_id_at, time_of
from posts.models import Post
from posts.seeding.phrases import Voice

NAMESPACE = UUID("5e5b1f0a-6d0e-4c4f-9d0b-0c6f3b1f7a52")
BURST = timedelta(minutes=40)


def submission_of(seed, number):
    """Return the submission id of a seed's post with this number. It keeps seeding from creating the same post again."""
    return uuid5(NAMESPACE, f"{seed} {number}")


def stored_submissions():
    """Return the set of submission ids of all posts by made-up people, including hidden posts."""
    posts = Post.objects.filter(author__in=seeded_people().order_by(), submission__isnull=False)
    return set(posts.values_list("submission", flat=True).iterator())


def make_posts(seed, authors, count, start, end, stored=frozenset()):
    """Yield up to `count` unsaved posts by `authors` between `start` and `end`, in the order of their ids.

    Posts whose submission ids are in `stored` are left out. A few authors write most posts, in proportion to
    1 / (rank + 2) ** 0.7. A quarter of the authors stop writing at some point. Every third post is part of a burst, within
    40 minutes of another post by the same author.
    """
    rng = random.Random(f"posts {seed}")
    names = [author.username for author in authors]
    voices = {author.pk: Voice(rng, language_of(author)) for author in authors}
    latest = 0
    for time, author, number in sorted(make_times(rng, authors, count, start, end)):
        latest = max(latest + 1, first_id_at(time) | rng.getrandbits(RANDOM_BITS))
        content, submission = voices[author].write(rng, names), submission_of(seed, number)
        if submission not in stored:
            yield Post(
                id=latest,
                author_id=author,
                content=content,
                created_on=time_of(latest),
                submission=submission,
            )


def make_times(rng, authors, count, start, end):
    """Yield (time, primary key of the author, number) for each of `count` posts, in the order of their numbers."""
    ranked = rng.sample([author.pk for author in authors], len(authors))
    weights = list(accumulate((rank + 2) ** -0.7 for rank in range(len(ranked))))
    silent_from = {author: rng.uniform(0.1, 1) if rng.random() < 0.25 else 1 for author in ranked}
    last = {}
    for number, author in enumerate(rng.choices(ranked, cum_weights=weights, k=count)):
        if author in last and rng.random() < 0.33:
            time = min(last[author] + BURST * rng.random(), end)
        else:
            time = start + (end - start) * silent_from[author] * rng.random()
        last[author] = time
        yield time, author, number
