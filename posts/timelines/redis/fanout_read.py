"""Fan-out on read: Redis stores the newest posts of each author. They are merged when someone reads their timeline.

Two hashes contain data about authors. "latest" has the newest id of each author. "entries" has the newest ids of each, packed,
with the person to whom each post replies, or 0 if it is no reply to somebody else, and whether these are all of the author's
posts. In addition, each recent reader has a key with the people they follow and the reader's version. The data is used only if
the field "run" of "latest" equals the run id of the Redis server. Otherwise, the data was loaded from an old snapshot and is
deleted.

The release before used "recent" instead of "entries", and may run side by side with this one. An author in "recent" was last
written by that release, so their entries are out of date and are read from the database again.
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
KEYS = [f"{PREFIX}{name}" for name in ("latest", "entries", "building")]

# The beginning of every script. It assigns names to KEYS, and deletes old data if Redis has restarted. "heads" is the name that
# an earlier release used for "latest".
BEGIN = """
    local LATEST, ENTRIES, BUILDING, FOLLOWS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
    local FORMER = 'timeline:author:recent'
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    if redis.call('HGET', LATEST, 'run') ~= run then
        redis.call('DEL', LATEST, ENTRIES, BUILDING, FORMER, 'timeline:author:heads')
        redis.call('HSET', LATEST, 'run', run)
    end
"""

# ARGV: the number of ids, the seconds until the reader's key expires, and the reader. Replies to people whom the reader doesn't
# follow are left out, so it considers twice as many authors. Returns the version, the floor and the ids, or the version,
# "missing" and the missing authors.
READ = (
    BEGIN
    + """
    local packed = redis.call('GET', FOLLOWS)
    if not packed then return false end
    redis.call('EXPIRE', FOLLOWS, ARGV[2])
    local authors, wanted = cmsgpack.unpack(packed), tonumber(ARGV[1])
    local version = table.remove(authors)
    local missing, top, considered = {}, {}, 2 * wanted
    for start = 1, #authors, 4000 do
        local last = math.min(start + 3999, #authors)
        local ids = redis.call('HMGET', LATEST, unpack(authors, start, last))
        for i, text in ipairs(ids) do
            local latest = tonumber(text or '')
            if not latest then
                missing[#missing + 1] = authors[start + i - 1]
            elseif latest > 0 and (#top < considered or latest > top[#top][1]) then
                -- An insertion sort, because a new entry nearly always belongs near the end.
                local place = #top < considered and #top + 1 or #top
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
    local floor, names = #top == considered and top[#top][1] or 0, {}
    for i, pair in ipairs(top) do names[i] = pair[2] end
    local ids = {}
    local followed = {[tonumber(ARGV[3])] = true}
    for _, author in ipairs(authors) do followed[tonumber(author)] = true end
    local former = redis.call('HMGET', FORMER, unpack(names))
    for place, text in ipairs(redis.call('HMGET', ENTRIES, unpack(names))) do
        if not text or former[place] then
            missing[#missing + 1] = names[place]
        else
            local recent, persons, all = cmsgpack.unpack(text)
            if all == 0 and recent[#recent] > floor then floor = recent[#recent] end
            for i, id in ipairs(recent) do
                if persons[i] == 0 or followed[persons[i]] then ids[#ids + 1] = id end
            end
        end
    end
    if #missing > 0 then return {version, 'missing', missing} end
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

# ARGV: the token, then for each author: the key, whether these are all posts, the number of posts, the ids, and the people to whom
# they reply. Authors who have posted in the meantime are skipped.
FINISH_AUTHORS = (
    BEGIN
    + """
    local i = 2
    while i <= #ARGV do
        local author, all, count = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
        if redis.call('HGET', BUILDING, author) == ARGV[1] then
            local recent, persons = {}, {}
            for j = 1, count do
                recent[j] = tonumber(ARGV[i + 2 + j])
                persons[j] = tonumber(ARGV[i + 2 + count + j])
            end
            redis.call('HSET', LATEST, author, count > 0 and ARGV[i + 3] or '0')
            redis.call('HSET', ENTRIES, author, cmsgpack.pack(recent, persons, all))
            redis.call('HDEL', FORMER, author)
            redis.call('HDEL', BUILDING, author)
        end
        i = i + 3 + 2 * count
    end
"""
)

# ARGV: the seconds until the key expires, the generation, the version, authors. With a new generation, every reader's version
# changes, so this script runs before the others. It deletes the authors of the old generation.
STORE_FOLLOWS = (
    BEGIN
    + """
    if redis.call('HGET', LATEST, 'generation') ~= ARGV[2] then
        redis.call('DEL', LATEST, ENTRIES, BUILDING, FORMER)
        redis.call('HSET', LATEST, 'run', run, 'generation', ARGV[2])
    end
    local follows = {}
    for i = 4, #ARGV do follows[i - 3] = ARGV[i] end
    follows[#follows + 1] = ARGV[3]
    redis.call('SET', FOLLOWS, cmsgpack.pack(follows), 'EX', ARGV[1])
"""
)

# ARGV: the author, the id, the number of ids to keep, the person to whom it replies. Authors who aren't in Redis, or whom the
# release before wrote, are read from the database when needed.
PUSH = (
    BEGIN
    + """
    redis.call('HDEL', BUILDING, ARGV[1])
    local packed = redis.call('HGET', ENTRIES, ARGV[1])
    local in_former = redis.call('HDEL', FORMER, ARGV[1]) == 1
    if not packed or in_former or redis.call('HEXISTS', LATEST, ARGV[1]) == 0 then
        redis.call('HDEL', LATEST, ARGV[1])
        return
    end
    local id, kept = tonumber(ARGV[2]), tonumber(ARGV[3])
    local recent, persons, all = cmsgpack.unpack(packed)
    if all == 0 and id < recent[#recent] then return end
    local place = 1
    while recent[place] and recent[place] > id do place = place + 1 end
    if recent[place] == id then return end
    table.insert(recent, place, id)
    table.insert(persons, place, tonumber(ARGV[4]))
    if #recent > kept then
        table.remove(recent)
        table.remove(persons)
        all = 0
    end
    redis.call('HSET', LATEST, ARGV[1], string.format('%.0f', recent[1]))
    redis.call('HSET', ENTRIES, ARGV[1], cmsgpack.pack(recent, persons, all))
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
        found = self.read(keys, count, self.READER_LIFETIME, reader.pk)
        if found and found[1] == b"missing":
            self.build_authors([int(author) for author in found[2][: self.AUTHORS_PER_REQUEST]])
            found = self.read(keys, count, self.READER_LIFETIME, reader.pk)
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
            posts = recent.get(author, [])
            ids, people = [pk for pk, _person in posts], [person for _pk, person in posts]
            arguments += [author, int(len(ids) < self.IDS_PER_AUTHOR), len(ids), *ids, *people]
        self.finish_authors(KEYS, token, *arguments)

    def newest_by_author(self, authors):
        """Return a dict that maps each author with posts to a list of (id, person it replies to), newest first.

        The person is 0 for posts that anyone who follows the author sees.
        """
        engine = vendor()
        authors = authors if engine == "postgresql" else json.dumps(authors)
        sql, params = compile_sql(NEWEST_BY_AUTHOR[engine], {"authors": authors}, limit=self.IDS_PER_AUTHOR)
        with connections[router.db_for_read(Post)].cursor() as cursor:
            cursor.execute(sql, params)
            return {
                author: [row[1:] for row in rows]
                for author, rows in groupby(cursor.fetchall(), itemgetter(0))
            }

    def fan_out(self, pending):
        post = pending.post
        if post.is_reply and post.in_reply_to_author_id is None:
            return  # Nobody else sees a reply to somebody who has left.
        person = post.in_reply_to_author_id or 0
        person = 0 if person == post.author_id else person
        self.push(KEYS, post.author_id, post.pk, self.IDS_PER_AUTHOR, person)


def key_of(reader_id):
    return f"{PREFIX}follows:{reader_id}"
