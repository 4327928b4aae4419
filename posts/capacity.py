"""What a site of a given size needs: a model of a few measured constants, for planning, not for promising.

The constants are those of docs/timelines.md, on one core of a common server; another machine has others, and
`manage.py bench_timeline` measures them.
"""

from dataclasses import dataclass

from posts.timelines.base import HomeTimeline
from posts.timelines.queries import MANY, WALK_LENGTH

DAY = 24 * 3600
# The busiest hour against the average, and how far a machine is filled so that pages do not queue.
PEAK, FILLED = 3, 0.6
# How long posts are kept in the plan; the share of members who came within three weeks.
YEARS, LATELY = 3, 0.3

# CPU milliseconds.
WEB_PAGE = 6.0
DATABASE_PAGE = 1.0  # Session, user, and twenty posts by key.
DATABASE_POST = 2.5
HEAD = 0.005  # Of one followed person.
# Before that, by readers of MANY: instead of it, if a page is found on the way.
WALK, WALK_IN_VAIN = 1.0, 4.0
CHECK = 0.2  # Of candidates from Redis.
PUSH = 0.008  # To one list.
MERGE = 0.0006  # Of one followed person's head in Redis.

# Bytes, with indexes.
POST, FOLLOW, MEMBER = 290, 190, 700
LIST_ENTRY, LIST_LENGTH = 24, 400
RECENT_OF_AUTHOR = 480

# Monthly, in any currency: a core with its share of the machine, a gigabyte of memory, a gigabyte of disk.
CORE, MEMORY, DISK = 20, 4, 0.1

STRATEGIES = ("normalized", "fanout_write", "fanout_read")


@dataclass(frozen=True)
class Load:
    """Members; views of the home timeline and posts a day, in all; how many people a member follows."""

    members: int
    views: int
    posts: int
    follows: int

    def a_second(self, count):
        """At the busiest."""
        return count / DAY * PEAK


@dataclass(frozen=True)
class Need:
    """Cores by part, memory and storage in gigabytes, and what that costs a month."""

    web_cores: float
    database_cores: float
    redis_cores: float
    memory: float
    storage: float

    @property
    def cost(self):
        cores = self.web_cores + self.database_cores + self.redis_cores
        return cores * CORE + self.memory * MEMORY + self.storage * DISK


def need_of(load, strategy):
    """Return what `load` Needs with that strategy."""
    views, posts = load.a_second(load.views), load.a_second(load.posts)
    read, redis_read, redis_write, stored = COSTS[strategy](load)
    storage = load.posts * 365 * YEARS * POST + load.members * (MEMBER + load.follows * FOLLOW)
    # Timelines live in the indexes of the last months: a quarter of a post's bytes, of a tenth of the posts.
    hot = storage * 0.025 + load.members * load.follows * FOLLOW * LATELY
    return Need(
        web_cores=cores(views, WEB_PAGE) + cores(posts, WEB_PAGE),
        database_cores=cores(views, DATABASE_PAGE + read) + cores(posts, DATABASE_POST),
        redis_cores=cores(views, redis_read) + cores(posts, redis_write),
        memory=(hot + stored) / 1e9,
        storage=storage / 1e9,
    )


def cores(rate, milliseconds):
    return rate * milliseconds / 1000 / FILLED


def normalized(load):
    heads = load.follows * HEAD
    if load.follows <= MANY:
        return heads, 0, 0, 0
    met = WALK_LENGTH * load.follows / load.members
    return (WALK if met >= HomeTimeline.page_size else WALK_IN_VAIN + heads), 0, 0, 0


def fanout_write(load):
    active = load.follows * LATELY  # On average one is followed by as many as one follows.
    return CHECK, 0.03, active * PUSH, load.members * LATELY * LIST_LENGTH * LIST_ENTRY


def fanout_read(load):
    stored = load.members * RECENT_OF_AUTHOR + load.members * LATELY * load.follows * 6
    return CHECK, 0.03 + load.follows * MERGE, 0.03, stored


COSTS = {"normalized": normalized, "fanout_write": fanout_write, "fanout_read": fanout_read}


def advice(load):
    """Yield what has to be split at this size, in the order in which it hurts."""
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
        yield "Lists: several Redis, each for a share of the readers."
