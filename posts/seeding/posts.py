"""Generates posts: how many each person writes, when, about what, and to whom they reply."""

import random
from collections import deque
from datetime import timedelta
from itertools import accumulate, islice
from uuid import UUID, uuid5

from django.db import connection

from accounts.models import Block, Follow
from accounts.seeding.people import language_of, seeded_people
from posts.ids import RANDOM_BITS, first_id_at, time_of
from posts.models import Like, Mention, Post
from posts.paths import path_below
from posts.rendering.text import mentioned_names
from posts.seeding.phrases import Voice, answer

NAMESPACE = UUID("5e5b1f0a-6d0e-4c4f-9d0b-0c6f3b1f7a52")
BURST = timedelta(minutes=40)
# The codes of languages that the site calls otherwise than accounts.seeding.names.
SITE_LANGUAGES = {"zh": "zh-hans"}
# How many posts are replies. A few more try to be, and find nothing to reply to.
REPLIES = 0.36
# How many of the newest posts people may see whom they don't follow.
PASSERS_BY = 50
# SQLite may allow no more than 999 values.
LIKES_PER_STATEMENT = 300


def submission_of(seed, number):
    """Return the submission id of a seed's post with this number. It keeps seeding from creating the same post again."""
    return uuid5(NAMESPACE, f"{seed} {number}")


def stored_submissions():
    """Return the set of submission ids of all posts by made-up people, including hidden posts."""
    posts = Post.objects.filter(author__in=seeded_people().order_by(), submission__isnull=False)
    return set(posts.values_list("submission", flat=True).iterator())


class Acquaintances:
    """Who follows whom among made-up people, and who has blocked whom, by primary key."""

    def __init__(self):
        people = seeded_people().order_by()
        self.followed, self.followers = {}, {}
        # PostgreSQL underestimates how many people are made-up, and would compare each with each in a second condition.
        known = set(people.values_list("pk", flat=True))
        follows = Follow.objects.filter(follower__in=people)
        # Sorted, so that the same seed makes the same replies and likes.
        for one, other in follows.order_by("follower", "followed").values_list("follower", "followed"):
            if other in known:
                self.followed.setdefault(one, []).append(other)
                self.followers.setdefault(other, []).append(one)
        blocks = Block.objects.filter(blocker__in=people).values_list("blocker", "blocked")
        self.blocks = {frozenset(pair) for pair in blocks}

    def are_apart(self, one, other):
        """Return whether there is a block between the two people."""
        return frozenset((one, other)) in self.blocks


class Conversations:
    """The posts to which people reply: mostly the newest by those whom they follow, and the replies that they got."""

    def __init__(self, acquaintances):
        self.acquaintances = acquaintances
        self.latest, self.received, self.newest = {}, {}, deque(maxlen=PASSERS_BY)

    def add(self, post):
        """Let others reply to `post`, which is newer than all others."""
        self.latest[post.author_id] = post
        self.newest.append(post)
        if post.in_reply_to:
            self.received[post.in_reply_to.author_id] = post

    def choose(self, rng, author):
        """Return a post to which the person with the primary key `author` replies, or None if there is none."""
        if rng.random() < 0.4 and (received := self.received.pop(author, None)):
            return received
        followed = self.acquaintances.followed.get(author)
        if followed and rng.random() < 0.9:
            seen = filter(None, map(self.latest.get, rng.choices(followed, k=6)))
            return max(seen, key=lambda post: post.pk, default=None)
        seen = rng.choice(self.newest) if self.newest else None
        if seen is None or author == seen.author_id or self.acquaintances.are_apart(author, seen.author_id):
            return None
        return seen


def make_posts(seed, authors, acquaintances, submissions, start, end, stored=frozenset()):
    """Yield an unsaved post by one of `authors` for each of the ids `submissions`, in the order of their times.

    The posts are from between `start` and `end`. Those whose submission ids are in `stored` are left out. A few authors write
    most posts, in proportion to 1 / (rank + 2) ** 0.7. A quarter of the authors stop writing at some point. Every third post is
    part of a burst, within 40 minutes of another post by the same author. Every third post replies to one that was yielded
    before.
    """
    rng = random.Random(f"posts {seed}")
    names = {author.pk: author.username for author in authors}
    mentionable = list(names.values())
    voices = {author.pk: Voice(rng, language_of(author)) for author in authors}
    conversations = Conversations(acquaintances)
    latest = 0
    for time, author, number in sorted(make_times(rng, authors, len(submissions), start, end)):
        latest = max(latest + 1, first_id_at(time) | rng.getrandbits(RANDOM_BITS))
        submission = submissions[number]
        if submission in stored:
            continue
        replied_to = conversations.choose(rng, author) if rng.random() < REPLIES else None
        language = voices[author].language
        if replied_to:
            # Who doesn't speak the other's language answers in English.
            language = language if language == voices[replied_to.author_id].language else "en"
            content = answer(rng, language, names[replied_to.author_id])
        else:
            content = voices[author].write(rng, mentionable)
        post = Post(
            id=latest,
            author_id=author,
            content=content,
            language=SITE_LANGUAGES.get(language, language),
            created_on=time_of(latest),
            submission=submission,
            in_reply_to=replied_to,
        )
        conversations.add(post)
        yield post


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


def make_likes(rng, post, followers, end):
    """Yield likes of `post` by some of `followers`, a list of primary keys, until the time `end`, for `store_likes()`.

    The number of likes follows a power law: most posts have none or a few, and some are liked by most followers.
    """
    count = min(int(rng.paretovariate(1.1)) - 1, len(followers))
    longest = min(end - post.created_on, timedelta(days=2))
    for member in rng.sample(followers, count):
        yield post.pk, member, post.created_on + longest * rng.random() ** 3


def store_likes(likes):
    """Store likes, an iterator over (post, member, time). With the ORM, they would take longer than everything else."""
    table, adapted = connection.ops.quote_name(Like._meta.db_table), connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        while batch := list(islice(likes, LIKES_PER_STATEMENT)):
            places = ", ".join(["(%s, %s, %s)"] * len(batch))
            cursor.execute(
                f"INSERT INTO {table} (post_id, member_id, created_on) VALUES {places}",  # noqa: S608 (the name is the model's)
                [value for post, member, time in batch for value in (post, member, adapted(time))],
            )


def store(posts, people):
    """Store `posts`, in the order of their ids, with their mentions of `people`, a dict from usernames to primary keys.

    Posts to which they reply are stored or come before them. If a stored post already has the id of a new post, the new post
    gets the next free id.
    """
    between = Post.objects.filter(id__range=(posts[0].pk, posts[-1].pk + len(posts)))
    taken = set(between.values_list("pk", flat=True))
    for post in posts:
        while post.pk in taken:
            post.pk += 1
            post.created_on = time_of(post.pk)
        taken.add(post.pk)
        if replied_to := post.in_reply_to:
            post.in_reply_to = replied_to  # Its id may have changed, too.
            post.in_reply_to_author_id = replied_to.author_id
            post.thread = replied_to.conversation
            post.path = path_below(replied_to.path or b"", post.pk)
    Post.objects.bulk_create(posts)
    Mention.objects.bulk_create(
        Mention(post=post, person_id=people[name])
        for post in posts
        if "@" in post.content
        for name in mentioned_names(post.content)
        if name in people
    )
