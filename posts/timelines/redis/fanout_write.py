"""Fan-out on write: Redis stores a list of the newest ids for each recent reader. New posts are added when they are published.

A list is a sorted set of ids. Its lowest member is a marker with its state. The state is "building TOKEN" while the list is being
read from the database and new posts are already added to it. Then it is "part RUN VERSION", or "whole RUN VERSION" if the list
contains the whole timeline. RUN is the run id of the Redis server. A list from an old snapshot has another run id and is never
used.
"""

import secrets

from django.db import connections, router, transaction
from django.db.models import Exists, OuterRef, Q

from accounts.models import Follow, User
from posts.models import Post
from posts.timelines.queries import id_query
from posts.timelines.redis.base import Candidates, FanOutTimeline
from posts.timelines.redis.models import HighFanoutAuthor, PendingPost
from posts.timelines.redis.queries import compile_sql

PREFIX = "timeline:reader:"

RUN = """
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
"""

# KEYS: the list. ARGV: the id below which to read, the number of ids, the seconds until the list expires. Returns the version,
# the lowest id of a partial list (or 0 for a whole one), and the ids.
READ = f"""
    local marker = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
    if not marker then return false end
    {RUN}
    local extent, list_run, version = string.match(marker, '^(%a+) (%x+) (%d+)$')
    if list_run ~= run then return false end
    redis.call('EXPIRE', KEYS[1], ARGV[3])
    local ids = redis.call('ZREVRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '0', 'LIMIT', 0, ARGV[2])
    local lowest = extent == 'part' and redis.call('ZRANGE', KEYS[1], 1, 1)[1] or '0'
    return {{version, lowest, ids}}
"""

# KEYS: the list. ARGV: the token.
BEGIN = """
    redis.call('DEL', KEYS[1])
    redis.call('ZADD', KEYS[1], -1, 'building ' .. ARGV[1])
    redis.call('EXPIRE', KEYS[1], 60)
"""

# KEYS: the list. ARGV: the token, extent, version, the seconds until the list expires, ids.
FINISH = f"""
    if redis.call('ZREM', KEYS[1], 'building ' .. ARGV[1]) == 0 then return 0 end
    {RUN}
    redis.call('ZADD', KEYS[1], -1, ARGV[2] .. ' ' .. run .. ' ' .. ARGV[3])
    for i = 5, #ARGV do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i]) end
    redis.call('EXPIRE', KEYS[1], ARGV[4])
    return 1
"""

# KEYS: lists. ARGV: the id, the maximum number of ids in a list. If a list doesn't exist, its reader hasn't visited recently.
# An id below the lowest id of a partial list isn't added, because ids between the two may be missing.
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


class FanOutOnWriteTimeline(FanOutTimeline):
    # The maximum number of ids in a list, and the number in a new one.
    IDS_PER_LIST = 400
    IDS_IN_NEW_LIST = 100
    # How many seconds to keep a list after its reader's last visit.
    LIST_LIFETIME = 21 * 24 * 3600
    # The number of lists that one script writes to. It blocks Redis for all other clients for about 3 ms.
    LISTS_PER_SCRIPT = 1_000
    # If an author has more followers than this, their posts are looked up when someone reads their timeline.
    FOLLOWERS_MAX = 5_000

    def __init__(self):
        super().__init__()
        self.read = self.client.script(READ)
        self.begin = self.client.script(BEGIN)
        self.finish = self.client.script(FINISH)
        self.push = self.client.script(PUSH)

    def candidates(self, reader, position, count):
        found = self.read([key_of(reader.pk)], position, count, self.LIST_LIFETIME)
        if not found:
            return None
        version, lowest, ids = int(found[0]), int(found[1]), [int(id) for id in found[2]]
        if not ids and lowest:
            return None  # This page is older than everything in the list.
        return Candidates(ids, ids[-1] if len(ids) == count else lowest, version)

    def build(self, reader, count):
        """Store a new list, and return it as Candidates for the first page."""
        key, token = key_of(reader.pk), secrets.token_hex(8)
        self.begin([key], token)
        version, ids = self.newest(reader)
        whole = len(ids) < self.IDS_IN_NEW_LIST
        extent = "whole" if whole else "part"
        self.finish([key], token, extent, version, self.LIST_LIFETIME, *ids)
        return Candidates(ids, 0 if whole else ids[-1], version)

    def newest(self, reader):
        """Return the reader's version and newest ids from one snapshot, including those by people whom the reader doesn't see."""
        sql, params = id_query(reader.pk, None, self.IDS_IN_NEW_LIST, everybody=True)
        version, version_params = compile_sql("{version}", {"reader": reader.pk})
        with connections[router.db_for_read(Post)].cursor() as cursor:
            cursor.execute(
                f"SELECT v.version, n.id FROM (SELECT {version} AS version) v LEFT JOIN ({sql}) n ON 1 = 1",  # noqa: S608
                [*version_params, *params],
            )
            rows = cursor.fetchall()
        return rows[0][0], sorted((pk for _version, pk in rows if pk is not None), reverse=True)

    def fan_out(self, pending):
        author = pending.post.author_id
        if self.is_high_fanout(author):
            return
        while followers := self.next_followers(pending.post, pending.reached):
            self.push([key_of(pk) for pk in followers], pending.post_id, self.IDS_PER_LIST)
            pending.reached = followers[-1]
            # This uses update() instead of save(), because the post may have been deleted in the meantime.
            PendingPost.objects.filter(pk=pending.pk).update(reached=pending.reached)

    def is_high_fanout(self, author):
        """Return whether the author's posts are looked up. This stays true until all timelines are rebuilt."""
        if HighFanoutAuthor.objects.filter(pk=author).exists():
            return True
        many = Follow.objects.filter(followed=author)[: self.FOLLOWERS_MAX + 1].count() > self.FOLLOWERS_MAX
        if many:
            with transaction.atomic():
                if User.objects.lock(author):
                    HighFanoutAuthor.objects.get_or_create(author_id=author)
        return many

    def next_followers(self, post, reached):
        """Return the primary keys of the next followers after `reached` who may have the post in home, in order.

        For a reply to somebody else, these are that person and those who follow both people. If somebody follows or unfollows
        that person later, the version of their timeline changes.
        """
        follows = Follow.objects.filter(followed=post.author_id, follower__gt=reached).order_by("follower")
        if post.is_reply and post.in_reply_to_author_id != post.author_id:
            person = post.in_reply_to_author_id
            both = Follow.objects.filter(followed=person, follower=OuterRef("follower"))
            follows = follows.filter(Q(follower=person) | Exists(both))
        return list(follows.values_list("follower", flat=True)[: self.LISTS_PER_SCRIPT])


def key_of(reader_id):
    return f"{PREFIX}{reader_id}"
