"""The classes of readers that make a timeline quick or slow."""

import random
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from accounts.models import Follow, User
from posts.benchmark.filling import POSTS, store
from posts.ids import RANDOM_BITS, first_id_at, moment_of
from posts.models import Post

# In the last hour, by somebody whom the reader of 150 and one follows.
FLOOD = 20_000


def make_readers():
    """Return the name of each class and a member of it, all different and always the same."""
    random_people = list(User.objects.order_by("pk").values_list("pk", flat=True))
    rng = random.Random("readers")
    readers = {"nobody": make_reader("nobody", [])}
    for count in (5, 150, 1000, 5000):
        readers[str(count)] = make_reader(str(count), rng.sample(random_people, count))
    # Those who have posted least lately, though they have.
    latest = Post.objects.values("author").annotate(posts=Count("pk")).order_by("-posts", "author")
    ranked = list(latest.values_list("author", flat=True))
    readers["dormant 20"] = make_reader("dormant_20", dormant_people(20))
    readers["busiest 3000"] = make_reader("busiest_3000", ranked[:3000])
    readers["flooded 151"] = make_reader("flooded_151", [flood(), *rng.sample(random_people, 150)])
    return readers


def make_reader(name, followed):
    reader = User.objects.create(username=f"reader_{name}", password="!")  # noqa: S106
    Follow.objects.bulk_create((Follow(follower=reader, followed_id=pk) for pk in followed), batch_size=5000)
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
