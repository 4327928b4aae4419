"""Readers whose timelines are fast or slow for different reasons."""

import random
from datetime import timedelta
from itertools import chain, cycle

from django.db.models import Count
from django.utils import timezone

from accounts.common.cursors import PAGE_SIZE
from accounts.models import Follow, User
from posts.ids import RANDOM_BITS, first_id_at
from posts.models import Post
from posts.reading.models import ReadMarker
from posts.timelines import home_timeline
from socializer.benchmark.filling import POSTS, analyze, make_post, store

# One reader follows someone who has written this many posts in the last hour.
FLOOD = 20_000
# Another one follows 20 people who have written this many replies to strangers each, since their last ordinary posts.
REPLIES = 5_000


def readers():
    """Yield the name of each kind of reader and a new member of that kind. The readers are the same in every run.

    The last two readers are created last because this adds posts to the network.
    """
    people = list(User.objects.order_by("pk").values_list("pk", flat=True))
    rng = random.Random("readers")
    yield "nobody", make_reader("nobody", [])
    for count in (5, 150, 1000, 5000):
        yield f"{count}", make_reader(f"{count}", rng.sample(people, count))
    yield "20 dormant", make_reader("20_dormant", dormant_people(20))
    busiest = Post.objects.values("author").annotate(posts=Count("pk")).order_by("-posts", "author")
    yield "3000 busiest", make_reader("3000_busiest", busiest.values_list("author", flat=True)[:3000])
    yield "150 and a flood", make_reader("150_and_a_flood", [flood(), *rng.sample(people, 150)])
    yield "20 who only reply", make_reader("20_who_only_reply", repliers(20))


def readers_with_unread_posts():
    """Yield a name and a new member for each combination of few or many people followed and few or many unread posts."""
    people = list(User.objects.order_by("pk").values_list("pk", flat=True))
    rng = random.Random("unread")
    for count in (150, 5000):
        followed = rng.sample(people, min(count, len(people)))
        for unread in (3, 300):
            reader = make_reader(f"{count}_with_{unread}_unread", followed)
            mark_all_but(reader, unread)
            yield f"follows {count:,}, {unread} unread", reader


def mark_all_but(reader, unread):
    """Mark all posts except the newest as read. The stored time is in the future, so that no page request changes it."""
    posts = home_timeline().posts(reader, limit=unread + 1)
    position = posts[-1].pk
    in_a_year = timezone.now() + timedelta(days=365)
    ReadMarker.objects.create(reader=reader, position=position, divider=position, read_on=in_a_year)


def make_reader(name, followed):
    reader = User.objects.create(
        username=f"reader_{name}",
        password="!",  # noqa: S106
        following_count=len(followed),
    )
    follows = [Follow(follower=reader, followed_id=pk) for pk in followed]
    Follow.objects.bulk_create(follows, batch_size=5000)
    analyze()
    return reader


def dormant_people(count):
    """Return the primary keys of people who posted long ago, but not recently."""
    middle = first_id_at(timezone.now() - timedelta(days=365))
    recent = set(Post.objects.filter(pk__gt=middle).values_list("author", flat=True).distinct())
    people = User.objects.visible().exclude(username__startswith="reader").order_by("pk")
    return [pk for pk in people.values_list("pk", flat=True) if pk not in recent][:count]


def flood():
    """Create a member who has written FLOOD posts within the last hour. Return their primary key."""
    author = User.objects.create(username="flooding", password="!")  # noqa: S106
    store(Post, POSTS, (make_post(pk, author.pk, "again") for pk in newest_ids(FLOOD)))
    return author.pk


def repliers(count):
    """Create members who have written 20 posts each and then REPLIES replies to a stranger. Return their primary keys."""
    *authors, stranger = [
        User.objects.create(username=f"replying_{number}", password="!").pk  # noqa: S106
        for number in range(count + 1)
    ]
    ids = newest_ids(count * (PAGE_SIZE + REPLIES) + 1)
    replied_to = make_post(next(ids), stranger, "question")
    posts = (make_post(next(ids), author, "post") for _number in range(PAGE_SIZE) for author in authors)
    replies = (make_post(pk, author, "reply", None, replied_to) for author, pk in zip(cycle(authors), ids))
    store(Post, POSTS, chain([replied_to], posts, replies))
    return authors


def newest_ids(count):
    """Return an iterator over ids in the last hour, oldest first, that no post has. There are at most `count`."""
    first = first_id_at(timezone.now() - timedelta(hours=1))
    step = (3600 * 1000 // count) << RANDOM_BITS
    used = set(Post.objects.filter(pk__gt=first).values_list("pk", flat=True))
    return (pk for number in range(count) if (pk := first + number * step) not in used)
