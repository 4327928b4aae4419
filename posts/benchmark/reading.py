"""`read` and `growth`: a page of the home timeline, for each class of readers."""

from accounts.models import User
from posts.benchmark.measuring import Candidate, compare
from posts.benchmark.queries import floor, normalized_by_driver, others
from posts.ids import MAX_ID
from posts.models import Post
from posts.timelines.normalized import NormalizedTimeline

PAGE = 20
DEEP = 50


def compare_pages(member, timelines, rounds, **where):
    """Return the Results for the first page of `member` and, where there is one, the fiftieth.

    `timelines` maps names to HomeTimelines.
    """
    everything = expected_ids(member)
    results = []
    for page in (1, DEEP):
        start = (page - 1) * PAGE
        ids = everything[start : start + PAGE]
        if page == 1 or len(ids) == PAGE:
            position = everything[start - 1] if start else MAX_ID + 1
            candidates = list(candidates_for(member, timelines, position, ids))
            results += compare(candidates, rounds, page=page, **where)
    return results


def expected_ids(reader):
    """The ids of the timeline by the plain definition, to the fiftieth page: the oracle."""
    authors = User.objects.filter(followed_by__follower=reader, suspended_on=None)
    ids = set(Post.objects.filter(author=reader, hidden_on=None).values_list("pk", flat=True))
    for author in authors.values_list("pk", flat=True):
        posts = Post.objects.filter(author=author, hidden_on=None).order_by("-pk")
        ids.update(posts.values_list("pk", flat=True)[: PAGE * DEEP])
    return sorted(ids, reverse=True)[: PAGE * DEEP]


def candidates_for(reader, timelines, position, ids):
    before = None if position > MAX_ID else position
    yield from floor(ids)
    known = NormalizedTimeline()
    known.posts(reader, limit=PAGE)
    walk = reader.pk not in known.readers_of_few
    yield normalized_by_driver(reader, position, ids, PAGE, walk=walk)
    yield from others(reader, position, PAGE)
    for name, timeline in timelines.items():

        def by_orm(timeline=timeline):
            return [post.pk for post in timeline.posts(reader, before=before, limit=PAGE)]

        yield Candidate(name, by_orm, "20 by key, ORM", ids)
