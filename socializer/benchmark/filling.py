"""Creates a large made-up network quickly: rows are written with COPY, or many with one statement.

Only the data that affects timelines is realistic: how many posts each person writes, when, and who follows whom. For realistic
texts and names, use manage.py seed_users and seed_posts, which are a hundred times slower.
"""

import random
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, islice

from allauth.account.models import EmailAddress
from django.db import connection, transaction
from django.utils import timezone

from accounts.emails.models import Delivery
from accounts.models import Follow, NameWord, User
from accounts.models.name import words_of
from accounts.security.models import AccountSnapshot
from posts.ids import RANDOM_BITS, first_id_at, time_of
from posts.models import Post
from posts.models.post import ReplyPolicy
from posts.paths import path_below

BATCH = 20_000
# The fractions of posts that are hidden, of posts by the author of the previous post, and of people who are suspended.
HIDDEN, BURST, SUSPENDED = 0.02, 0.3, 0.02
# The fraction of posts that reply to one of the last RECENT posts, mostly by people whom their authors' followers don't follow.
REPLIES, RECENT = 1 / 3, 200
PERIOD = timedelta(days=730)
SAMPLE_TEXT = (
    "Rain all day, and the bread has risen twice as high as it should. Somebody left a ladder in front of the library; "
    "three people have walked around it so far, and one has climbed it. The second volume is better than the first. "
)


@dataclass(frozen=True)
class Size:
    """The size of a network. Timelines are long with one person per ten posts, and ordinary with one per hundred."""

    posts: int
    people: int
    follows: int

    @classmethod
    def of(cls, posts):
        return cls(posts, people=max(10_000, posts // 100), follows=max(300_000, posts // 3))


def fill(size, progress=lambda rows, total, label: rows, seed=1):
    """Fill an empty database with a network of this Size. The same seed makes the same network.

    `progress` wraps each iterable of rows to show how many of `total` have been written.
    """
    rng = random.Random(f"benchmark {seed}")
    now = timezone.now()
    people = range(1, size.people + 1)
    store(User, PEOPLE, progress(make_people(rng, people, now), size.people, "People"))
    store(Follow, FOLLOWS, progress(make_follows(rng, people, size.follows, now), size.follows, "Follows"))
    store(Post, POSTS, progress(make_posts(rng, people, size.posts, now), size.posts, "Posts"))
    restart_keys(User, Follow)
    analyze()
    User.objects.recount()


def fill_other_tables(size, progress=lambda rows, total, label: rows):
    """Add data for pages and tasks other than timelines: email addresses, names for the search, and sent emails."""
    now, people = timezone.now(), range(1, size.people + 1)
    store(EmailAddress, ADDRESSES, progress(make_addresses(people), size.people, "Addresses"))
    store(AccountSnapshot, SNAPSHOTS, ((pk, "!", f"person_{pk}@example.org", "", 0) for pk in people))
    name_words = ((pk, word) for pk in people for word in sorted(words_of(f"person_{pk}", f"Person {pk}")))
    store(NameWord, ["user_id", "word"], name_words)
    store(Delivery, DELIVERIES, progress(make_deliveries(people, now), size.people, "Deliveries"))
    restart_keys(EmailAddress)
    analyze()


PEOPLE = [
    *("id", "username", "email", "display_name", "bio", "password", "is_superuser", "is_staff", "is_active"),
    *("date_joined", "suspended_on", "noindex", "picture", "language", "time_zone"),
]
FOLLOWS = ["id", "follower_id", "followed_id", "created_on"]
POSTS = [
    *("id", "author_id", "content", "created_on", "hidden_on", "reply_policy", "language"),
    *("in_reply_to_id", "in_reply_to_author_id", "thread", "path"),
]
ADDRESSES = ["id", "user_id", "email", "verified", "primary"]
SNAPSHOTS = ["user_id", "password", "email", "authenticators", "version"]
DELIVERIES = [
    "recipient_id",
    "address",
    "type",
    "key",
    "state",
    "attempts",
    "answer",
    "created_on",
    "sent_on",
]


def make_people(rng, people, now):
    for pk in people:
        suspended = now if rng.random() < SUSPENDED else None
        standing = False, False, suspended is None, now, suspended
        yield (
            pk,
            f"person_{pk}",
            f"person_{pk}@example.org",
            f"Person {pk}",
            "",
            "!",
            *standing,
            False,
            "",
            "",
            "",
        )


def make_addresses(people):
    for pk in people:
        yield pk, pk, f"person_{pk}@example.org", True, True


def make_deliveries(people, now):
    """Yield the rows for an email to each person on each of the last ten days."""
    for days in range(10):
        sent_on = now - timedelta(days=10 - days)
        for pk in people:
            yield pk, "", "new_follower", str(days), "sent", 1, "", sent_on, sent_on


def make_follows(rng, people, count, now):
    """Yield follows. Numbers of followers have a power-law distribution, but everyone follows about the same number of people."""
    weights = list(accumulate((rank + 3) ** -0.8 for rank in range(len(people))))
    each, key = max(1, count // len(people)), 0
    for follower in people:
        for followed in {*rng.choices(people, cum_weights=weights, k=each)} - {follower}:
            key += 1
            yield key, follower, followed, now


def make_posts(rng, people, count, now):
    """Yield posts in the order of their ids. Half of the people stop posting halfway through the period."""
    shuffled = rng.sample(people, len(people))
    weights = list(accumulate((rank + 2) ** -0.7 for rank in range(len(people))))
    still_posting = len(people) // 2
    first, step = first_id_at(now - PERIOD), max(1, int(PERIOD.total_seconds() * 1000 / count)) << RANDOM_BITS
    author, hidden = shuffled[0], now
    # These have a generator of their own, so that the rest of the network is the same without them.
    replies, recent = random.Random("replies"), deque(maxlen=RECENT)
    for start in range(0, count, BATCH):
        active = len(people) if start < count / 2 else still_posting
        for number, chosen in enumerate(
            rng.choices(shuffled[:active], cum_weights=weights[:active], k=BATCH)
        ):
            if start + number == count:
                return
            author = author if rng.random() < BURST else chosen
            pk = first + (start + number) * step + rng.getrandbits(RANDOM_BITS)
            cut = rng.randrange(40, len(SAMPLE_TEXT))
            hidden_on = hidden if rng.random() < HIDDEN else None
            replied_to = replies.choice(recent) if recent and replies.random() < REPLIES else None
            yield (row := make_post(pk, author, SAMPLE_TEXT[:cut], hidden_on, replied_to))
            recent.append(row)


def make_post(pk, author, content, hidden_on=None, replied_to=None):
    """Return the row of a post, which replies to the post of the row `replied_to`, if there is one."""
    place = None, None, None, None
    if replied_to:
        thread, path = replied_to[-2:]
        place = *replied_to[:2], thread or replied_to[0], path_below(path or b"", pk)
    return pk, author, content, time_of(pk), hidden_on, ReplyPolicy.EVERYONE.value, "", *place


def store(model, columns, rows):
    """Write `rows` to the empty table of `model`. They are tuples in the order of `columns`."""
    quote = connection.ops.quote_name
    table, names = quote(model._meta.db_table), ", ".join(map(quote, columns))
    rows = iter(rows)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                while batch := list(islice(rows, BATCH)):
                    copy.write("".join(map(as_copied, batch)))
        else:
            marks = ", ".join(["%s"] * len(columns))
            while batch := list(islice(rows, BATCH)):
                cursor.executemany(
                    f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 (the names are from this module)
                    [[as_text(value) for value in row] for row in batch],
                )


def as_copied(row):
    """Return a row in COPY's text format. No value here has a tab, a line break or a backslash."""
    return "\t".join(map(as_copied_value, row)) + "\n"


def as_copied_value(value):
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return "\\N" if value is None else str(value)


def as_text(value):
    """Return a date as Django stores it in SQLite: in UTC, without the time zone. Return other values unchanged."""
    return str(value.replace(tzinfo=None)) if isinstance(value, datetime) else value


def restart_keys(*models):
    """Set the sequence of each model, so that its next row gets the next key."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in models:
                table = model._meta.db_table
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
                )


def analyze():
    """Update the planner's statistics, as autovacuum would do later."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
