"""Fan-out on write: for each reader who came lately a list of the newest ids in Redis, written when somebody posts.

A list is a sorted set of ids, and a marker below them all that says what it is: "building TOKEN" while it is read from
the database, during which new posts are added to it already; then "part RUN STAMP", or "whole RUN STAMP" where it holds
all of the timeline. RUN is the server's own name of its present life: a list that came back from an old snapshot has
another and is never read.
"""

import secrets

from django.db import connections, router, transaction

from accounts.models import Follow, User
from posts.models import PendingPost, Post, PulledAuthor
from posts.timelines.queries import compile_sql, id_query
from posts.timelines.stored import Candidates, StoredTimeline

PREFIX = "timeline:reader:"

RUN = """
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
"""

# KEYS: the list. ARGV: below which id, how many, for how many seconds it is kept from now on.
READ = f"""
    local marker = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
    if not marker then return false end
    {RUN}
    local extent, its_run, stamp = string.match(marker, '^(%a+) (%x+) (%d+)$')
    if its_run ~= run then return false end
    redis.call('EXPIRE', KEYS[1], ARGV[3])
    local ids = redis.call('ZREVRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '0', 'LIMIT', 0, ARGV[2])
    local lowest = extent == 'part' and redis.call('ZRANGE', KEYS[1], 1, 1)[1] or '0'
    return {{stamp, lowest, ids}}
"""

# KEYS: the list. ARGV: the token.
BEGIN = """
    redis.call('DEL', KEYS[1])
    redis.call('ZADD', KEYS[1], -1, 'building ' .. ARGV[1])
    redis.call('EXPIRE', KEYS[1], 60)
"""

# KEYS: the list. ARGV: the token, extent, stamp, how many are kept, for how long, ids.
FINISH = f"""
    if redis.call('ZREM', KEYS[1], 'building ' .. ARGV[1]) == 0 then return 0 end
    {RUN}
    redis.call('ZADD', KEYS[1], -1, ARGV[2] .. ' ' .. run .. ' ' .. ARGV[3])
    for i = 6, #ARGV do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i]) end
    redis.call('EXPIRE', KEYS[1], ARGV[5])
    return 1
"""

# KEYS: lists. ARGV: the id, how many are kept. A list that is not there belongs to nobody who comes; below the lowest of
# a list that is a part, others may be missing, too.
PUSH = """
    for _, key in ipairs(KEYS) do
        local marker = redis.call('ZRANGE', key, 0, 0)[1]
        if marker then
            local part = string.sub(marker, 1, 4) == 'part'
            local lowest = part and redis.call('ZRANGE', key, 1, 1)[1] or '0'
            if tonumber(ARGV[1]) > tonumber(lowest) then redis.call('ZADD', key, ARGV[1], ARGV[1]) end
            if redis.call('ZCARD', key) - 1 > tonumber(ARGV[2]) then
                redis.call('ZREMRANGEBYRANK', key, 1, 1)
                if string.sub(marker, 1, 5) == 'whole' then
                    redis.call('ZREM', key, marker)
                    redis.call('ZADD', key, -1, 'part' .. string.sub(marker, 6))
                end
            end
        end
    end
"""


class FanOutOnWriteTimeline(StoredTimeline):
    # Ids in a list, and in a fresh one; how long it is kept for a reader who does not come back.
    KEPT = 400
    BUILT = 100
    KEPT_FOR = 21 * 24 * 3600
    # How many lists one script writes to: Redis answers nobody else meanwhile, for about 3 ms.
    BATCH = 1_000
    # An author with more followers is looked up when somebody reads.
    FOLLOWERS_MAX = 5_000

    def __init__(self):
        super().__init__()
        self.read = self.store.script(READ)
        self.begin = self.store.script(BEGIN)
        self.finish = self.store.script(FINISH)
        self.push = self.store.script(PUSH)

    def candidates(self, reader, position, count):
        found = self.read([key_of(reader.pk)], position, count, self.KEPT_FOR)
        if not found:
            return None
        stamp, lowest, ids = int(found[0]), int(found[1]), [int(id) for id in found[2]]
        if not ids and lowest:
            return None  # Further down than the list reaches.
        return Candidates(ids, ids[-1] if len(ids) == count else lowest, stamp)

    def build(self, reader):
        """Store a fresh list, and return it as Candidates for the first page."""
        key, token = key_of(reader.pk), secrets.token_hex(8)
        self.begin([key], token)
        stamp, ids = self.newest(reader)
        whole = len(ids) < self.BUILT
        extent = "whole" if whole else "part"
        self.finish([key], token, extent, stamp, self.KEPT, self.KEPT_FOR, *ids)
        return Candidates(ids, 0 if whole else ids[-1], stamp)

    def newest(self, reader):
        """Return the reader's stamp and newest ids at one moment, those by suspended people among them."""
        sql, params = id_query(reader.pk, None, self.BUILT, walk=True, everybody=True)
        stamp, stamp_params = compile_sql("{stamp}", {"reader": reader.pk})
        with connections[router.db_for_read(Post)].cursor() as cursor:
            cursor.execute(
                f"SELECT s.stamp, n.id FROM (SELECT {stamp} AS stamp) s LEFT JOIN ({sql}) n ON 1 = 1",  # noqa: S608
                [*stamp_params, *params],
            )
            rows = cursor.fetchall()
        return rows[0][0], sorted((pk for _stamp, pk in rows if pk is not None), reverse=True)

    def carry(self, pending):
        author = pending.post.author_id
        if self.is_pulled(author):
            return
        while followers := self.next_followers(author, pending.reached):
            self.push([key_of(pk) for pk in followers], pending.post_id, self.KEPT)
            pending.reached = followers[-1]
            # The post may be deleted meanwhile.
            PendingPost.objects.filter(pk=pending.pk).update(reached=pending.reached)

    def is_pulled(self, author):
        """Whether the author is one whose posts are looked up. Once they are, they stay so until all is rebuilt."""
        if PulledAuthor.objects.filter(pk=author).exists():
            return True
        many = Follow.objects.filter(followed=author)[: self.FOLLOWERS_MAX + 1].count() > self.FOLLOWERS_MAX
        if many:
            with transaction.atomic():
                if User.objects.lock(author):
                    PulledAuthor.objects.get_or_create(author_id=author)
        return many

    def next_followers(self, author, reached):
        follows = Follow.objects.filter(followed=author, follower__gt=reached).order_by("follower")
        return list(follows.values_list("follower", flat=True)[: self.BATCH])


def key_of(reader_id):
    return f"{PREFIX}{reader_id}"
