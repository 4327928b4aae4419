"""Fan-out on read: Redis stores the newest posts of each author. They are merged when someone reads their timeline.

Two hashes contain data about authors. "latest" has the newest id of each author. "recent" has the newest ids of each, packed,
with a flag for whether these are all of the author's ids. In addition, each recent reader has a key with the people they follow
and the reader's version. The data is used only if the field "run" of "latest" equals the run id of the Redis server. Otherwise,
the data was loaded from an old snapshot and is deleted.
"""

import json
import secrets
from itertools import groupby
from operator import itemgetter

from django.db import connections, router

from accounts.models import Follow
from posts.ids import MAX_ID
from posts.models import Post
from posts.timelines.queries import vendor
from posts.timelines.redis.base import Candidates, FanOutTimeline
from posts.timelines.redis.queries import NEWEST_BY_AUTHOR, compile_sql

PREFIX = "timeline:author:"
KEYS = [f"{PREFIX}{name}" for name in ("latest", "recent", "building")]

# The beginning of every script. It assigns names to KEYS, and deletes old data if Redis has restarted. "heads" is the name that
# an earlier release used for "latest".
BEGIN = """
    local LATEST, RECENT, BUILDING, FOLLOWS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    if redis.call('HGET', LATEST, 'run') ~= run then
        redis.call('DEL', LATEST, RECENT, BUILDING, 'timeline:author:heads')
        redis.call('HSET', LATEST, 'run', run)
    end
"""

# ARGV: the number of authors, and the seconds until the reader's key expires. Returns the version, the floor and the ids, or
# the version, "missing" and the missing authors.
READ = (
    BEGIN
    + """
    local packed = redis.call('GET', FOLLOWS)
    if not packed then return false end
    redis.call('EXPIRE', FOLLOWS, ARGV[2])
    local authors, wanted = cmsgpack.unpack(packed), tonumber(ARGV[1])
    local version = table.remove(authors)
    local missing, top = {}, {}
    for start = 1, #authors, 4000 do
        local last = math.min(start + 3999, #authors)
        local ids = redis.call('HMGET', LATEST, unpack(authors, start, last))
        for i, text in ipairs(ids) do
            local latest = tonumber(text or '')
            if not latest then
                missing[#missing + 1] = authors[start + i - 1]
            elseif latest > 0 and (#top < wanted or latest > top[#top][1]) then
                -- An insertion sort, because a new entry nearly always belongs near the end.
                local place = #top < wanted and #top + 1 or #top
                while place > 1 and top[place - 1][1] < latest do
                    top[place] = top[place - 1]
                    place = place - 1
                end
                top[place] = {latest, authors[start + i - 1]}
            end
        end
    end
    if #missing > 0 then return {version, 'missing', missing} end
    if #top == 0 then return {version, '0', {}} end
    local floor, names = #top == wanted and top[#top][1] or 0, {}
    for i, pair in ipairs(top) do names[i] = pair[2] end
    local ids = {}
    for _, text in ipairs(redis.call('HMGET', RECENT, unpack(names))) do
        if not text then return false end
        local recent = cmsgpack.unpack(text)
        local all = table.remove(recent) == 1
        if not all and recent[#recent] > floor then floor = recent[#recent] end
        for _, id in ipairs(recent) do ids[#ids + 1] = id end
    end
    table.sort(ids, function(a, b) return a > b end)
    local newest = {}
    for _, id in ipairs(ids) do
        if id < floor or #newest == wanted then break end
        newest[#newest + 1] = string.format('%.0f', id)
    end
    if #newest == wanted then floor = tonumber(newest[#newest]) end
    return {version, string.format('%.0f', floor), newest}
"""
)

# ARGV: a token, then authors.
BEGIN_AUTHORS = (
    BEGIN
    + """
    for i = 2, #ARGV do redis.call('HSET', BUILDING, ARGV[i], ARGV[1]) end
    redis.call('EXPIRE', BUILDING, 60)
"""
)

# ARGV: the token, then for each author: the key, whether these are all ids, the number of ids, and the ids. Authors who have
# posted in the meantime are skipped.
FINISH_AUTHORS = (
    BEGIN
    + """
    local i = 2
    while i <= #ARGV do
        local author, all, count = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
        if redis.call('HGET', BUILDING, author) == ARGV[1] then
            local recent = {}
            for j = 1, count do recent[j] = tonumber(ARGV[i + 2 + j]) end
            redis.call('HSET', LATEST, author, count > 0 and ARGV[i + 3] or '0')
            recent[count + 1] = all
            redis.call('HSET', RECENT, author, cmsgpack.pack(recent))
            redis.call('HDEL', BUILDING, author)
        end
        i = i + 3 + count
    end
"""
)

# ARGV: the seconds until the key expires, the generation, the version, authors. With a new generation, every reader's version
# changes, so this script runs before the others. It deletes the authors of the old generation.
STORE_FOLLOWS = (
    BEGIN
    + """
    if redis.call('HGET', LATEST, 'generation') ~= ARGV[2] then
        redis.call('DEL', LATEST, RECENT, BUILDING)
        redis.call('HSET', LATEST, 'run', run, 'generation', ARGV[2])
    end
    local follows = {}
    for i = 4, #ARGV do follows[i - 3] = ARGV[i] end
    follows[#follows + 1] = ARGV[3]
    redis.call('SET', FOLLOWS, cmsgpack.pack(follows), 'EX', ARGV[1])
"""
)

# ARGV: the author, the id, the number of ids to keep. Authors who aren't in Redis are read from the database when needed.
PUSH = (
    BEGIN
    + """
    redis.call('HDEL', BUILDING, ARGV[1])
    local packed = redis.call('HGET', RECENT, ARGV[1])
    if not packed then
        redis.call('HDEL', LATEST, ARGV[1])
        return
    end
    local id, kept, recent = tonumber(ARGV[2]), tonumber(ARGV[3]), cmsgpack.unpack(packed)
    local all = table.remove(recent)
    if all == 0 and id < recent[#recent] then return end
    local place = 1
    while recent[place] and recent[place] > id do place = place + 1 end
    if recent[place] == id then return end
    table.insert(recent, place, id)
    if #recent > kept then
        table.remove(recent)
        all = 0
    end
    redis.call('HSET', LATEST, ARGV[1], string.format('%.0f', recent[1]))
    recent[#recent + 1] = all
    redis.call('HSET', RECENT, ARGV[1], cmsgpack.pack(recent))
"""
)


class FanOutOnReadTimeline(FanOutTimeline):
    # The number of post ids that Redis keeps for each author.
    IDS_PER_AUTHOR = 40
    # How many seconds the data of a reader stays in Redis after their last visit.
    READER_LIFETIME = 21 * 24 * 3600
    # The number of authors that one request reads from the database.
    AUTHORS_PER_REQUEST = 500

    def __init__(self):
        super().__init__()
        self.read = self.client.script(READ)
        self.begin_authors = self.client.script(BEGIN_AUTHORS)
        self.finish_authors = self.client.script(FINISH_AUTHORS)
        self.store_follows = self.client.script(STORE_FOLLOWS)
        self.push = self.client.script(PUSH)

    def candidates(self, reader, position, count):
        """Return candidates for the first page only, because older pages need more ids of each author than Redis stores."""
        if position <= MAX_ID:
            return None
        keys = [*KEYS, key_of(reader.pk)]
        found = self.read(keys, count, self.READER_LIFETIME)
        if found and found[1] == b"missing":
            self.build_authors([int(author) for author in found[2][: self.AUTHORS_PER_REQUEST]])
            found = self.read(keys, count, self.READER_LIFETIME)
        if not found or found[1] == b"missing":
            return None
        return Candidates([int(id) for id in found[2]], int(found[1]), int(found[0]))

    def build(self, reader, count):
        """Store the people whom the reader follows, and return Candidates from their posts."""
        sql, params = compile_sql("SELECT {version}, {generation}", {"reader": reader.pk})
        with connections[router.db_for_read(Post)].cursor() as cursor:
            cursor.execute(sql, params)
            version, generation = cursor.fetchone()
        # Read this after the version. If the reader follows someone between the two reads, the version is out of date and the
        # stored data isn't used.
        authors = Follow.objects.filter(follower=reader).values_list("followed", flat=True)
        self.store_follows([*KEYS, key_of(reader.pk)], self.READER_LIFETIME, generation, version, *authors)
        return self.candidates(reader, MAX_ID + 1, count)

    def build_authors(self, authors):
        token = secrets.token_hex(8)
        self.begin_authors(KEYS, token, *authors)
        recent = self.newest_by_author(authors)
        arguments = []
        for author in authors:
            ids = recent.get(author, [])
            arguments += [author, int(len(ids) < self.IDS_PER_AUTHOR), len(ids), *ids]
        self.finish_authors(KEYS, token, *arguments)

    def newest_by_author(self, authors):
        """Return a dict that maps each author with posts to a list of their newest ids, newest first."""
        engine = vendor()
        authors = authors if engine == "postgresql" else json.dumps(authors)
        sql, params = compile_sql(NEWEST_BY_AUTHOR[engine], {"authors": authors}, limit=self.IDS_PER_AUTHOR)
        with connections[router.db_for_read(Post)].cursor() as cursor:
            cursor.execute(sql, params)
            return {
                author: [pk for _author, pk in rows]
                for author, rows in groupby(cursor.fetchall(), itemgetter(0))
            }

    def fan_out(self, pending):
        self.push(KEYS, pending.post.author_id, pending.post_id, self.IDS_PER_AUTHOR)


def key_of(reader_id):
    return f"{PREFIX}follows:{reader_id}"
