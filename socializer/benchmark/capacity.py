"""Estimates the resources that a site of a given size needs. The model uses a few measured constants.

The constants are from docs/timelines.md, measured on one core of an ordinary server. Other machines have different constants.
`manage.py bench_timeline` measures them.
"""

from dataclasses import dataclass

from accounts.common.cursors import PAGE_SIZE
from posts.timelines.queries import MANY, SCAN_LENGTH

SECONDS_PER_DAY = 24 * 3600
# The ratio of the busiest hour's load to the average, and the highest utilization of a machine at which requests don't queue.
PEAK, UTILIZATION = 3, 0.6
# The years of posts that the plan assumes, and the share of members who visited in the last three weeks.
YEARS, ACTIVE_SHARE = 3, 0.3

# Milliseconds of processor time.
WEB_PAGE = 6.0
DATABASE_PAGE = 1.0  # The session, the user, and twenty posts by key.
DATABASE_POST = 2.5
LATEST_POST = 0.005  # For one followed person.
# The recency scan for readers who follow more than MANY people. If it fills the page, no other query is needed.
SCAN, FAILED_SCAN = 1.0, 4.0
CANDIDATE_CHECK = 0.2  # For the candidates from Redis.
PUSH = 0.008  # For one list.
REDIS_READ, REDIS_PUSH = 0.03, 0.03
MERGE = 0.0006  # For the latest post of one followed person in Redis.

# Bytes, with indexes.
POST, FOLLOW, MEMBER = 290, 190, 700
LIST_ENTRY, LIST_LENGTH = 24, 400
RECENT_POSTS_OF_AUTHOR = 480
FOLLOWED_KEY = 6


@dataclass(frozen=True)
class Load:
    """The number of members, home timeline views and posts in a day, and how many people a member follows."""

    members: int
    views: int
    posts: int
    follows: int

    def peak_rate(self, count_per_day):
        """Convert a daily number to a number per second in the busiest hour."""
        return count_per_day / SECONDS_PER_DAY * PEAK


@dataclass(frozen=True)
class Need:
    """The cores that each part of the site needs, and the memory and storage in gigabytes."""

    web_cores: float
    database_cores: float
    redis_cores: float
    memory: float
    storage: float


def need_of(load, timeline):
    """Return the Needs of `load` with this timeline, which is one of posts.timelines.TIMELINES."""
    views, posts = load.peak_rate(load.views), load.peak_rate(load.posts)
    read, redis_read, redis_write, stored = COSTS[timeline](load)
    storage = load.posts * 365 * YEARS * POST + load.members * (MEMBER + load.follows * FOLLOW)
    # Timelines read the indexes of recent months, which are a quarter of the bytes of a tenth of the posts.
    hot = storage * 0.025 + load.members * load.follows * FOLLOW * ACTIVE_SHARE
    return Need(
        web_cores=cores(views, WEB_PAGE) + cores(posts, WEB_PAGE),
        database_cores=cores(views, DATABASE_PAGE + read) + cores(posts, DATABASE_POST),
        redis_cores=cores(views, redis_read) + cores(posts, redis_write),
        memory=(hot + stored) / 1e9,
        storage=storage / 1e9,
    )


def cores(rate, milliseconds):
    return rate * milliseconds / 1000 / UTILIZATION


# The costs of each timeline: database milliseconds for a page, Redis milliseconds for a page and for a post, and bytes in
# Redis.


def normalized(load):
    latest_posts = load.follows * LATEST_POST
    if load.follows <= MANY:
        return latest_posts, 0, 0, 0
    found = SCAN_LENGTH * load.follows / load.members
    return (SCAN if found >= PAGE_SIZE else FAILED_SCAN + latest_posts), 0, 0, 0


def fanout_write(load):
    # A member has as many followers as they follow people, on average.
    active_followers = load.follows * ACTIVE_SHARE
    stored = load.members * ACTIVE_SHARE * LIST_LENGTH * LIST_ENTRY
    return CANDIDATE_CHECK, REDIS_READ, active_followers * PUSH, stored


def fanout_read(load):
    stored = load.members * (RECENT_POSTS_OF_AUTHOR + ACTIVE_SHARE * load.follows * FOLLOWED_KEY)
    return CANDIDATE_CHECK, REDIS_READ + load.follows * MERGE, REDIS_PUSH, stored


COSTS = {"normalized": normalized, "fanout_write": fanout_write, "fanout_read": fanout_read}


def advice(load):
    """Yield the parts that must be split at this size, in the order in which they become a problem."""
    need = need_of(load, "normalized")
    if need.web_cores > 1:
        yield "Web: several processes, then machines, behind a proxy; PostgreSQL and CACHE_URL on Redis first."
    if need.database_cores > 32:
        yield "Reads: PostgreSQL replicas for home timelines, by a database router, or fan-out on write."
    if need.storage > 1_000:
        yield "Posts: partitions of the post table by author hash, so that vacuum and backups stay within hours."
    if need.storage > 8_000 or need.database_cores > 128:
        yield "Writes: Citus, posts distributed by author, follows by follower; users as a reference table."
    if need_of(load, "fanout_write").memory > 200:
        yield "Lists: several Redis servers, each for a share of the readers."
