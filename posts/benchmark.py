"""Measures the home timeline beside what bounds it from below and what everybody writes first.

Absolute times say more about a machine than about a query: what counts are ratios within one run, in which the
candidates take turns.
"""

import random
import time
from datetime import timedelta
from statistics import median, quantiles

from django.db import connection
from django.utils import timezone

from accounts.models import Follow, User
from accounts.seeding.people import make_follows, make_people
from posts.models import Post
from posts.seeding.posts import make_posts
from posts.timelines.normalized import NormalizedTimeline, id_query

PAGE = 20
COLUMNS = "id, author_id, content, created_on, hidden_on"

# What the floor's spread may be before nothing can be said: its 95th percentile over its median.
NOISY = 5


def fill(people, posts, batch=5_000, progress=lambda rows: rows):
    """Fill an empty database with a made-up network; every 50th person is suspended, every 50th post hidden."""
    users = list(make_people(1, people))
    for user in users[::50]:
        user.suspended_on, user.is_active = timezone.now(), False
    User.objects.bulk_create(users)
    end = timezone.now()
    keys = [user.pk for user in users]
    follows = make_follows(1, keys, 30, end - timedelta(days=365), end)
    Follow.objects.bulk_create(follows, batch_size=batch)
    rows = []
    for number, post in enumerate(progress(make_posts(1, users, posts, end - timedelta(days=90), end))):
        post.hidden_on = end if number % 50 == 0 else None
        rows.append(post)
        if len(rows) == batch:
            Post.objects.bulk_create(rows)
            rows = []
    Post.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def make_reader(followed):
    """Return a new member who follows `followed` people, chosen at random but always the same."""
    reader = User(username=f"reader_of_{followed}", email=None)
    reader.save()
    people = list(User.objects.exclude(pk=reader.pk).order_by("pk").values_list("pk", flat=True))
    chosen = random.Random(followed).sample(people, followed)
    Follow.objects.bulk_create(Follow(follower=reader, followed_id=pk) for pk in chosen)
    return reader


def expected_ids(reader):
    """The ids of the first page by the plain definition: the oracle."""
    authors = User.objects.filter(followed_by__follower=reader, suspended_on=None)
    posts = Post.objects.filter(author__in=[reader.pk, *authors.values_list("pk", flat=True)])
    return sorted(posts.filter(hidden_on=None).values_list("pk", flat=True), reverse=True)[:PAGE]


def candidates(reader):
    """Return what is measured: name to a function without arguments that returns the ids of the first page."""
    ids = expected_ids(reader)
    sql, params = id_query(reader.pk, None, PAGE)
    timeline = NormalizedTimeline()
    table, follow, user = Post._meta.db_table, Follow._meta.db_table, User._meta.db_table
    floor = f"SELECT {COLUMNS} FROM {table} WHERE id IN ({', '.join(['%s'] * PAGE)}) ORDER BY id DESC"  # noqa: S608
    textbook = f"""
        SELECT p.id FROM {table} p JOIN {user} u ON u.id = p.author_id
        WHERE (p.author_id = %s OR p.author_id IN (SELECT followed_id FROM {follow} WHERE follower_id = %s))
          AND u.suspended_on IS NULL AND p.hidden_on IS NULL
        ORDER BY p.created_on DESC, p.id DESC LIMIT {PAGE}
    """  # noqa: S608

    def by_driver(sql, params):
        def run():
            with connection.cursor() as cursor:
                cursor.execute(sql, params)
                return [row[0] for row in cursor.fetchall()]

        return run

    def floor_by_orm():
        return [post.pk for post in Post.objects.filter(pk__in=ids).for_display().order_by("-pk")]

    return {
        "20 by key, driver": by_driver(floor, ids),
        "timeline, driver": by_driver(
            f"SELECT {COLUMNS} FROM {table} WHERE id IN ({sql}) ORDER BY id DESC",  # noqa: S608
            params,
        ),
        "textbook join, driver": by_driver(textbook, [reader.pk, reader.pk]),
        "20 by key, ORM": floor_by_orm,
        "timeline, ORM": lambda: [post.pk for post in timeline.posts(reader, limit=PAGE)],
    }


def measure(runs, rounds):
    """Return name to (median, 95th percentile) in milliseconds of each of `runs`, which take turns.

    A slow one is left out of later rounds when it has had two seconds, so that it cannot starve the others.
    """
    times = {name: [] for name in runs}
    for _round in range(rounds):
        for name, run in runs.items():
            if sum(times[name]) < 2 or len(times[name]) < 5:
                start = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - start)
    return {name: (median(taken) * 1000, quantiles(taken, n=20)[-1] * 1000) for name, taken in times.items()}
