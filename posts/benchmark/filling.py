"""A made-up network, large and quick to make: rows go to the database by COPY, or by one statement for many.

Believable in what timelines depend on, and in nothing else: who posts how much, when, and who follows whom. Believable
texts and names are made by manage.py seed_users and seed_posts, at a hundredth of the speed.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice

from allauth.account.models import EmailAddress
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Delivery, Follow, NameWord, ToldState, User
from accounts.models.name import words_of
from posts.ids import EPOCH, RANDOM_BITS, first_id_at
from posts.models import Post

BATCH = 20_000
# Of all posts: hidden ones, and those by whoever posted the one before. Of all people: suspended ones.
HIDDEN, BURST, SUSPENDED = 0.02, 0.3, 0.02
YEARS = timedelta(days=730)
SOME_WORDS = (
    "Rain all day, and the bread has risen twice as high as it should. Somebody left a ladder in front of the library; "
    "three people have walked around it so far, and one has climbed it. The second volume is better than the first. "
)


@dataclass(frozen=True)
class Size:
    """How large a network is. A tenth of its posts' number in people makes timelines long, and a hundredth usual."""

    posts: int
    people: int
    follows: int

    @classmethod
    def of(cls, posts):
        return cls(posts, people=max(10_000, posts // 100), follows=max(300_000, posts // 3))


def fill(size, progress=lambda rows, total, words: rows, seed=1):
    """Fill an empty database with a network of this Size; the same seed makes the same one."""
    rng = random.Random(f"benchmark {seed}")
    now = timezone.now()
    people = range(1, size.people + 1)
    store(User, PEOPLE, progress(make_people(rng, people, now), size.people, "People"))
    store(Follow, FOLLOWS, progress(make_follows(rng, people, size.follows, now), size.follows, "Follows"))
    store(Post, POSTS, progress(make_posts(rng, people, size.posts, now), size.posts, "Posts"))
    restart_keys(User, Follow)
    analyze()
    User.objects.recount()


def fill_beside(size, progress=lambda rows, total, words: rows):
    """Add what pages and tasks beside the timelines look at: addresses, names to search for, emails that were sent."""
    now, people = timezone.now(), range(1, size.people + 1)
    store(EmailAddress, ADDRESSES, progress(make_addresses(people), size.people, "Addresses"))
    store(ToldState, TOLD, ((pk, "!", f"person_{pk}@example.org", "", 0) for pk in people))
    words = ((pk, word) for pk in people for word in sorted(words_of(f"person_{pk}", f"Person {pk}")))
    store(NameWord, ["user_id", "word"], words)
    store(Delivery, DELIVERIES, progress(make_deliveries(people, now), size.people, "Deliveries"))
    restart_keys(EmailAddress)
    analyze()


PEOPLE = [
    *("id", "username", "email", "display_name", "bio", "password", "is_superuser", "is_staff", "is_active"),
    *("date_joined", "suspended_on", "noindex", "picture", "language", "time_zone"),
]
FOLLOWS = ["id", "follower_id", "followed_id", "created_on"]
POSTS = ["id", "author_id", "content", "created_on", "hidden_on"]
ADDRESSES = ["id", "user_id", "email", "verified", "primary"]
TOLD = ["user_id", "password", "email", "factors", "changes"]
DELIVERIES = ["recipient_id", "address", "kind", "key", "state", "tries", "answer", "created_on", "sent_on"]


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
    """An email a day to each for the last ten."""
    for days in range(10):
        moment = now - timedelta(days=10 - days)
        for pk in people:
            yield pk, "", "new_follower", str(days), "sent", 1, "", moment, moment


def make_follows(rng, people, count, now):
    """The first few are followed by most, by a power law; everyone follows about as many as the others."""
    weights = list(accumulate((rank + 3) ** -0.8 for rank in range(len(people))))
    each, key = max(1, count // len(people)), 0
    for follower in people:
        for followed in {*rng.choices(people, cum_weights=weights, k=each)} - {follower}:
            key += 1
            yield key, follower, followed, now


def make_posts(rng, people, count, now):
    """In the order of their ids. The second half of the people falls silent when half of the time is over."""
    shuffled = rng.sample(people, len(people))
    weights = list(accumulate((rank + 2) ** -0.7 for rank in range(len(people))))
    awake = len(people) // 2
    first, step = first_id_at(now - YEARS), max(1, int(YEARS.total_seconds() * 1000 / count)) << RANDOM_BITS
    epoch, author, hidden = EPOCH.timestamp(), shuffled[0], now
    for start in range(0, count, BATCH):
        some = len(people) if start < count / 2 else awake
        for number, chosen in enumerate(rng.choices(shuffled[:some], cum_weights=weights[:some], k=BATCH)):
            if start + number == count:
                return
            author = author if rng.random() < BURST else chosen
            pk = first + (start + number) * step + rng.getrandbits(RANDOM_BITS)
            moment = datetime.fromtimestamp(epoch + (pk >> RANDOM_BITS) / 1000, UTC)
            cut = rng.randrange(40, len(SOME_WORDS))
            yield pk, author, SOME_WORDS[:cut], moment, hidden if rng.random() < HIDDEN else None


def store(model, columns, rows):
    """Write `rows`, tuples in the order of `columns`, to the empty table of `model`."""
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
                    f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 (names of this module)
                    [[as_text(value) for value in row] for row in batch],
                )


def as_copied(row):
    """A row in COPY's text format. No value of ours has a tab, a line break or a backslash."""
    return "\t".join(map(as_copied_value, row)) + "\n"


def as_copied_value(value):
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return "\\N" if value is None else str(value)


def as_text(value):
    """A date as SQLite keeps it: in UTC, and without saying so."""
    return str(value.replace(tzinfo=None)) if isinstance(value, datetime) else value


def restart_keys(*models):
    """Let the next row of each of `models` have the next key."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in models:
                table = model._meta.db_table
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
                )


def analyze():
    """As autovacuum would have, had it had time."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
