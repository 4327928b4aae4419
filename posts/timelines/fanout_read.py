"""Fan-out on read: for each author the newest posts in Redis, merged when somebody reads.

Two hashes hold each author's newest id ("heads") and newest ids, packed, and whether these are all ("recent"); beside
them is, for each reader who came lately, whom they follow, dated by their stamp. All is believed only if the field "run"
of the heads names the server's present life: what came back from an old snapshot is thrown away.
"""

import json
import secrets
from itertools import groupby
from operator import itemgetter

from django.db import connections, router

from accounts.models import Follow
from posts.ids import MAX_ID
from posts.models import Post
from posts.timelines.queries import compile_sql, vendor
from posts.timelines.stored import Candidates, StoredTimeline

PREFIX = "timeline:author:"
KEYS = [f"{PREFIX}{name}" for name in ("heads", "recent", "building")]

# Begins every script: names for KEYS, and an empty start after a restart.
BEGIN = """
    local HEADS, RECENT, BUILDING, FOLLOWS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    if redis.call('HGET', HEADS, 'run') ~= run then
        redis.call('DEL', HEADS, RECENT, BUILDING)
        redis.call('HSET', HEADS, 'run', run)
    end
"""

# ARGV: how many authors, for how many seconds the reader is kept from now on. Returns the stamp, the floor and ids; or the stamp and authors that are missing.
READ = (
    BEGIN
    + """
    local packed = redis.call('GET', FOLLOWS)
    if not packed then return false end
    redis.call('EXPIRE', FOLLOWS, ARGV[2])
    local authors, wanted = cmsgpack.unpack(packed), tonumber(ARGV[1])
    local stamp = table.remove(authors)
    local missing, top = {}, {}
    for start = 1, #authors, 4000 do
        local last = math.min(start + 3999, #authors)
        local heads = redis.call('HMGET', HEADS, unpack(authors, start, last))
        for i, text in ipairs(heads) do
            local head = tonumber(text or '')
            if not head then
                missing[#missing + 1] = authors[start + i - 1]
            elseif head > 0 and (#top < wanted or head > top[#top][1]) then
                -- Kept in order: a newcomer is nearly always among the last.
                local place = #top < wanted and #top + 1 or #top
                while place > 1 and top[place - 1][1] < head do
                    top[place] = top[place - 1]
                    place = place - 1
                end
                top[place] = {head, authors[start + i - 1]}
            end
        end
    end
    if #missing > 0 then return {stamp, 'missing', missing} end
    if #top == 0 then return {stamp, '0', {}} end
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
    local shown = {}
    for _, id in ipairs(ids) do
        if id < floor or #shown == wanted then break end
        shown[#shown + 1] = string.format('%.0f', id)
    end
    if #shown == wanted then floor = tonumber(shown[#shown]) end
    return {stamp, string.format('%.0f', floor), shown}
"""
)

# ARGV: a token, authors.
BEGIN_AUTHORS = (
    BEGIN
    + """
    for i = 2, #ARGV do redis.call('HSET', BUILDING, ARGV[i], ARGV[1]) end
    redis.call('EXPIRE', BUILDING, 60)
"""
)

# ARGV: the token, then of each author: the key, whether these are all, how many ids, the ids. Whoever has posted meanwhile
# is left for the next time.
FINISH_AUTHORS = (
    BEGIN
    + """
    local i = 2
    while i <= #ARGV do
        local author, all, count = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
        if redis.call('HGET', BUILDING, author) == ARGV[1] then
            local recent = {}
            for j = 1, count do recent[j] = tonumber(ARGV[i + 2 + j]) end
            redis.call('HSET', HEADS, author, count > 0 and ARGV[i + 3] or '0')
            recent[count + 1] = all
            redis.call('HSET', RECENT, author, cmsgpack.pack(recent))
            redis.call('HDEL', BUILDING, author)
        end
        i = i + 3 + count
    end
"""
)

# ARGV: for how long, the epoch, the stamp, authors. After a new epoch every reader's stamp is another and leads here first:
# what is known of authors from before is thrown away.
STORE_FOLLOWS = (
    BEGIN
    + """
    if redis.call('HGET', HEADS, 'epoch') ~= ARGV[2] then
        redis.call('DEL', HEADS, RECENT, BUILDING)
        redis.call('HSET', HEADS, 'run', run, 'epoch', ARGV[2])
    end
    local follows = {}
    for i = 4, #ARGV do follows[i - 3] = ARGV[i] end
    follows[#follows + 1] = ARGV[3]
    redis.call('SET', FOLLOWS, cmsgpack.pack(follows), 'EX', ARGV[1])
"""
)

# ARGV: the author, the id, how many are kept. An author who is not there is read from the database when needed.
PUSH = (
    BEGIN
    + """
    redis.call('HDEL', BUILDING, ARGV[1])
    local packed = redis.call('HGET', RECENT, ARGV[1])
    if not packed then
        redis.call('HDEL', HEADS, ARGV[1])
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
    redis.call('HSET', HEADS, ARGV[1], string.format('%.0f', recent[1]))
    recent[#recent + 1] = all
    redis.call('HSET', RECENT, ARGV[1], cmsgpack.pack(recent))
"""
)


NEWEST_OF = {
    "postgresql": """
        SELECT a.author_id, n.id FROM unnest(%(authors)s::bigint[]) a(author_id) CROSS JOIN LATERAL (
            SELECT p.id FROM {post} p WHERE p.author_id = a.author_id AND {visible} ORDER BY p.id DESC LIMIT {limit}
        ) n ORDER BY a.author_id, n.id DESC
    """,
    "sqlite": """
        SELECT author_id, id FROM (
            SELECT p.author_id, p.id, row_number() OVER (PARTITION BY p.author_id ORDER BY p.id DESC) AS place
            FROM {post} p WHERE p.author_id IN (SELECT value FROM json_each(%(authors)s)) AND {visible}
        ) WHERE place <= {limit} ORDER BY author_id, id DESC
    """,
}


class FanOutOnReadTimeline(StoredTimeline):
    # Ids of each author; how long it is known whom a reader follows who does not come back.
    KEPT = 40
    KEPT_FOR = 21 * 24 * 3600
    # How many authors one request reads from the database.
    AUTHORS_AT_ONCE = 500

    def __init__(self):
        super().__init__()
        self.read = self.store.script(READ)
        self.begin_authors = self.store.script(BEGIN_AUTHORS)
        self.finish_authors = self.store.script(FINISH_AUTHORS)
        self.store_follows = self.store.script(STORE_FOLLOWS)
        self.push = self.store.script(PUSH)

    def candidates(self, reader, position, count):
        """Of the first page only: further down it would take more of each author than is stored."""
        if position <= MAX_ID:
            return None
        keys = [*KEYS, key_of(reader.pk)]
        found = self.read(keys, count, self.KEPT_FOR)
        if found and found[1] == b"missing":
            self.build_authors([int(author) for author in found[2][: self.AUTHORS_AT_ONCE]])
            found = self.read(keys, count, self.KEPT_FOR)
        if not found or found[1] == b"missing":
            return None
        return Candidates([int(id) for id in found[2]], int(found[1]), int(found[0]))

    def build(self, reader):
        """Store whom the reader follows, and return Candidates from it."""
        sql, params = compile_sql("SELECT {stamp}, {epoch_value}", {"reader": reader.pk})
        with connections[router.db_for_read(Post)].cursor() as cursor:
            cursor.execute(sql, params)
            stamp, epoch = cursor.fetchone()
        # Read after the stamp: should a follow come between the two, the stamp is out of date and the page not used.
        authors = Follow.objects.filter(follower=reader).values_list("followed", flat=True)
        self.store_follows([*KEYS, key_of(reader.pk)], self.KEPT_FOR, epoch, stamp, *authors)
        return self.candidates(reader, MAX_ID + 1, self.page_size + 1)

    def build_authors(self, authors):
        token = secrets.token_hex(8)
        self.begin_authors(KEYS, token, *authors)
        recent = self.newest_of(authors)
        arguments = []
        for author in authors:
            ids = recent.get(author, [])
            arguments += [author, int(len(ids) < self.KEPT), len(ids), *ids]
        self.finish_authors(KEYS, token, *arguments)

    def newest_of(self, authors):
        """Map each of the authors who have posted to their newest ids."""
        engine = vendor()
        authors = authors if engine == "postgresql" else json.dumps(authors)
        sql, params = compile_sql(NEWEST_OF[engine], {"authors": authors}, limit=self.KEPT)
        with connections[router.db_for_read(Post)].cursor() as cursor:
            cursor.execute(sql, params)
            return {
                author: [pk for _author, pk in rows]
                for author, rows in groupby(cursor.fetchall(), itemgetter(0))
            }

    def carry(self, pending):
        self.push(KEYS, pending.post.author_id, pending.post_id, self.KEPT)


def key_of(reader_id):
    return f"{PREFIX}follows:{reader_id}"
