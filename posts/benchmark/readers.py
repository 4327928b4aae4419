"""The classes of readers that make a timeline quick or slow."""

import random
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from accounts.models import Follow, User
from posts.benchmark.filling import POSTS, analyze, store
from posts.ids import RANDOM_BITS, first_id_at, moment_of
from posts.models import Post

# In the last hour, by somebody whom the reader of 150 and one follows.
FLOOD = 20_000


def readers():
    """Yield the name of each class and a new member of it, always the same; last the one that changes the network."""
    people = list(User.objects.order_by("pk").values_list("pk", flat=True))
    rng = random.Random("readers")
    yield "nobody", make_reader("nobody", [])
    for count in (5, 150, 1000, 5000):
        yield f"{count}", make_reader(f"{count}", rng.sample(people, count))
    yield "20 dormant", make_reader("20_dormant", dormant_people(20))
    busiest = Post.objects.values("author").annotate(posts=Count("pk")).order_by("-posts", "author")
    yield "3000 busiest", make_reader("3000_busiest", busiest.values_list("author", flat=True)[:3000])
    yield "150 and a flood", make_reader("150_and_a_flood", [flood(), *rng.sample(people, 150)])


def make_reader(name, followed):
    reader = User.objects.create(username=f"reader_{name}", password="!")  # noqa: S106
    follows = [Follow(follower=reader, followed_id=pk) for pk in followed]
    Follow.objects.bulk_create(follows, batch_size=5000)
    analyze()
    return reader


def dormant_people(count):
    """Some who have posted a good while ago, and not since."""
    middle = first_id_at(timezone.now() - timedelta(days=365))
    recent = set(Post.objects.filter(pk__gt=middle).values_list("author", flat=True).distinct())
    people = User.objects.visible().exclude(username__startswith="reader").order_by("pk")
    return [pk for pk in people.values_list("pk", flat=True) if pk not in recent][:count]


def flood():
    """Let somebody new post FLOOD times within an hour; return their key."""
    author = User.objects.create(username="flooding", password="!")  # noqa: S106
    first = first_id_at(timezone.now() - timedelta(hours=1))
    step = (3600 * 1000 // FLOOD) << RANDOM_BITS
    taken = set(Post.objects.filter(pk__gt=first).values_list("pk", flat=True))
    keys = (first + number * step for number in range(FLOOD))
    store(Post, POSTS, ((pk, author.pk, "again", moment_of(pk), None) for pk in keys if pk not in taken))
    return author.pk
