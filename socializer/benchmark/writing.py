"""`write`: how long a posting request takes, and how long the fan-out takes."""

from accounts.common.cursors import PAGE_SIZE
from accounts.models import Follow, User
from posts.models import Post
from posts.timelines import home_timeline
from posts.timelines.redis import tasks
from posts.timelines.redis.models import PendingPost
from socializer.benchmark.measuring import Candidate, compare

FEW, MANY, ACTIVE = 100, 100_000, 1_000


def compare_authors(name, rounds, **where):
    """Return the Results for the posting request of an author with few followers and of one with many."""
    few, many = (make_author(name, count) for count in (FEW, MANY))
    results = []
    for author in (few, many):
        count = author.followed_by.count()
        label = f"{count:,} followers"
        results.append((label, Candidate(label, lambda author=author: post_by(author), f"{FEW:,} followers")))
    measured = compare([candidate for _label, candidate in results], rounds, reader=name, page=1, **where)
    PendingPost.objects.all().delete()
    return measured


def compare_arrival(name, rounds, **where):
    """Return the Result for one worker that fans out a post to many followers who have visited recently."""
    author = make_author(f"{name}_active", ACTIVE)
    timeline = home_timeline()
    for follow in author.followed_by.select_related("follower"):
        timeline.posts(follow.follower, limit=PAGE_SIZE)

    def arrive():
        post = post_by(author)
        tasks.fan_out(PendingPost.objects.filter(pk=post.pk))

    label = f"until {ACTIVE:,} active followers have it"
    return compare([Candidate(label, arrive, label)], min(rounds, 20), reader=name, page=1, **where)


def make_author(name, followers):
    author = User.objects.create(username=f"author_{name}_{followers}"[:40], password="!")  # noqa: S106
    people = User.objects.exclude(pk=author.pk).order_by("pk").values_list("pk", flat=True)[:followers]
    follows = [Follow(follower_id=pk, followed=author) for pk in people]
    Follow.objects.bulk_create(follows, batch_size=5000)
    return author


def post_by(author):
    post = Post(author=author, content="Something to measure")
    post.publish()
    return post
