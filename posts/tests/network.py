"""Random series of changes to a small network, and plain sets that say what each reader must see.

The sets are the oracle. They never ask the database but only record what was done.
"""

import os
from unittest import mock

from django.core.cache import cache
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.common.cursors import Cursor
from accounts.jobs.models import Job
from accounts.models import User
from accounts.tests.factories import UserFactory
from posts import ids
from posts.models import Post
from posts.tests.factories import LONG_AGO
from posts.timelines import home_timeline
from posts.timelines.redis import tasks

number = st.integers(0, 2**16)
FIRST_ID = ids.first_id_at(LONG_AGO)

# With TIMELINE_STEPS=2400, for example, there are 12 series of at most 200 steps instead, with more people.
LONG_RUN = int(os.environ.get("TIMELINE_STEPS", "0"))
SERIES, STEPS = (max(LONG_RUN // 200, 1), 200) if LONG_RUN else (40, 40)
FEWEST_PEOPLE, MOST_PEOPLE = (5, 7) if LONG_RUN else (3, 6)


class Network(RuleBasedStateMachine):
    """People sign up, follow, post, reply, mute, block and leave. In between, readers page, and every page must be what the sets
    say.
    """

    def __init__(self):
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        # After a rollback the same keys are used again, while the cache still has the old rows.
        cache.clear()
        self.people = []
        self.posts = {}  # id: author
        self.replies = {}  # id: the person replied to, or None if they have left
        self.follows, self.blocks, self.mutes = set(), set(), set()
        self.suspended, self.hidden = set(), set()

    def teardown(self):
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    # Changes

    @initialize()
    def begin(self):
        for _ in range(FEWEST_PEOPLE):
            self.sign_up()

    @precondition(lambda self: len(self.people) < MOST_PEOPLE)
    @rule()
    def sign_up(self):
        self.people.append(UserFactory().pk)

    @rule(one=number, other=number)
    def follow(self, one, other):
        pair = self.person(one), self.person(other)
        blocks = self.blocks & {pair, pair[::-1]}
        changed = self.user(pair[0]).follow(self.user(pair[1]))
        if pair[0] != pair[1] and pair[1] not in self.suspended and not blocks:
            assert changed == (pair not in self.follows)
            self.follows.add(pair)

    @precondition(lambda self: self.follows)
    @rule(which=number)
    def unfollow(self, which):
        """The reader reads before and after, so that posts of the first page must disappear."""
        pair = sorted(self.follows)[which % len(self.follows)]
        self.read(pair[0], size=5)
        assert self.user(pair[0]).unfollow(self.user(pair[1]))
        self.follows.remove(pair)
        self.read(pair[0], size=5)

    @rule(one=number, other=number)
    def block(self, one, other):
        pair = self.person(one), self.person(other)
        if self.user(pair[0]).block(self.user(pair[1])):
            self.blocks.add(pair)
            self.follows -= {pair, pair[::-1]}

    @precondition(lambda self: self.blocks)
    @rule(which=number)
    def unblock(self, which):
        pair = sorted(self.blocks)[which % len(self.blocks)]
        self.user(pair[0]).unblock(self.user(pair[1]))
        self.blocks.remove(pair)

    @rule(one=number, other=number)
    def mute(self, one, other):
        pair = self.person(one), self.person(other)
        if self.user(pair[0]).mute(self.user(pair[1])):
            self.mutes.add(pair)

    @precondition(lambda self: self.mutes)
    @rule(which=number)
    def unmute(self, which):
        pair = sorted(self.mutes)[which % len(self.mutes)]
        assert self.user(pair[0]).unmute(self.user(pair[1]))
        self.mutes.remove(pair)

    @precondition(lambda self: len(self.people) > FEWEST_PEOPLE)
    @rule(which=number)
    def leave(self, which):
        pk = self.person(which)
        assert self.user(pk).leave()
        self.people.remove(pk)
        self.suspended.discard(pk)
        for post in [post for post, author in self.posts.items() if author == pk]:
            self.forget(post)
        for pairs in (self.follows, self.blocks, self.mutes):
            pairs -= {pair for pair in pairs if pk in pair}
        self.replies = {post: None if person == pk else person for post, person in self.replies.items()}

    @rule(one=number, slot=st.integers(0, 400))
    def post(self, one, slot):
        """An id is made before its transaction commits, so a post can appear anywhere near the newest."""
        self.publish(Post(author_id=self.person(one), content="x"), slot)

    @precondition(lambda self: self.posts)
    @rule(one=number, which=number, slot=st.integers(0, 400))
    def reply(self, one, which, slot):
        """Nobody can reply to what they can't see."""
        author, replied_to = self.person(one), self.a_post(which)
        unseen = self.suspended | self.blocked_with(author)
        if replied_to not in self.hidden and self.posts[replied_to] not in unseen:
            post = Post.objects.get(pk=replied_to)
            self.publish(Post(author=self.user(author), content="x", in_reply_to=post), slot)

    def publish(self, post, slot):
        pk = FIRST_ID + slot
        if pk in self.posts:
            return
        with mock.patch.object(ids, "new_id", return_value=(pk, ids.time_of(pk))):
            post.publish()
        self.posts[pk] = post.author_id
        if post.in_reply_to_id:
            self.replies[pk] = self.posts[post.in_reply_to_id]

    @rule(one=number)
    def post_a_burst(self, one):
        start = max(self.posts, default=FIRST_ID) - FIRST_ID + 1
        for slot in range(start, start + 5):
            self.post(one, slot)

    @precondition(lambda self: self.posts)
    @rule(one=number, which=number)
    def reply_in_a_burst(self, one, which):
        """More than the extra candidates of the fan-out timelines on these small pages."""
        start = max(self.posts) - FIRST_ID + 1
        replied_to = self.a_post(which)
        for slot in range(start, start + 12):
            self.reply(one, sorted(self.posts).index(replied_to), slot)

    @precondition(lambda self: self.posts)
    @rule(which=number)
    def delete(self, which):
        """Replies to the post keep the person."""
        pk = self.a_post(which)
        Post.objects.get(pk=pk).delete()
        self.forget(pk)

    def forget(self, pk):
        del self.posts[pk]
        self.replies.pop(pk, None)
        self.hidden.discard(pk)

    @precondition(lambda self: self.posts)
    @rule(which=number)
    def hide(self, which):
        pk = self.a_post(which)
        Post.objects.get(pk=pk).hide()
        self.hidden.add(pk)

    @precondition(lambda self: self.hidden)
    @rule(which=number)
    def restore(self, which):
        pk = sorted(self.hidden)[which % len(self.hidden)]
        Post.objects.get(pk=pk).restore()
        self.hidden.remove(pk)

    @rule(one=number)
    def suspend(self, one):
        self.user(self.person(one)).suspend()
        self.suspended.add(self.person(one))

    @precondition(lambda self: self.suspended)
    @rule(which=number)
    def reinstate(self, which):
        pk = sorted(self.suspended)[which % len(self.suspended)]
        self.user(pk).reinstate()
        self.suspended.remove(pk)

    @rule()
    def run_jobs(self):
        """The worker may run at any time, or never."""
        for job in Job.objects.ready().filter(task_path=tasks.fan_out_post.module_path):
            tasks.fan_out_post.call(*job.args_kwargs["args"])
            job.delete()

    # Reading

    @rule(one=number, slot=st.integers(-1, 401), newer=st.booleans(), size=st.integers(1, 6))
    def read_anywhere(self, one, slot, newer, size):
        reader, position = self.person(one), FIRST_ID + slot
        if reader in self.suspended:
            return
        cursor = Cursor(after=position) if newer else Cursor(before=position)
        expected = self.expected(reader)
        if newer:
            expected = [pk for pk in expected if pk > position][-size:]
        else:
            expected = [pk for pk in expected if pk < position][:size]
        assert self.page(reader, cursor, size)[0] == expected

    @rule(one=number, size=st.integers(1, 6))
    def read_everything(self, one, size):
        self.read(self.person(one), size)

    def read(self, reader, size):
        if reader not in self.suspended:
            older, newer = self.read_both_ways(reader, size)
            assert older == self.expected(reader)
            assert newer == older

    def read_both_ways(self, reader, size):
        """Page to the oldest post and back. Return the ids of both ways, in the order of the timeline.

        Raises AssertionError if a page isn't full.
        """
        ids, page = self.page(reader, Cursor(), size)
        older = list(ids)
        while page.older is not None:
            assert len(ids) == size
            ids, page = self.page(reader, Cursor(before=page.older), size)
            older += ids
        newer = list(ids)
        while page.newer is not None:
            ids, page = self.page(reader, Cursor(after=page.newer), size)
            assert len(ids) == size or page.newer is None
            newer = ids + newer
        return older, newer

    def page(self, reader, cursor, size):
        page = home_timeline().page(self.user(reader), cursor, size)
        return [post.pk for post in page], page

    def expected(self, reader):
        followed = {other for one, other in self.follows if one == reader}
        followed -= self.blocked_with(reader) | self.muted_by(reader) | self.suspended
        return sorted((pk for pk in self.posts if self.belongs(pk, reader, followed)), reverse=True)

    def belongs(self, pk, reader, followed):
        """Return whether the post is in the home of `reader`, who sees the posts of the people in `followed`."""
        if pk in self.hidden:
            return False
        author = self.posts[pk]
        if author == reader:
            return True
        return author in followed and (
            pk not in self.replies or self.replies[pk] in {reader, author} | followed
        )

    def blocked_with(self, person):
        return {other for pair in self.blocks if person in pair for other in pair} - {person}

    def muted_by(self, person):
        return {other for one, other in self.mutes if one == person}

    # What the numbers mean

    def person(self, which):
        return self.people[which % len(self.people)]

    def a_post(self, which):
        return sorted(self.posts)[which % len(self.posts)]

    @staticmethod
    def user(pk):
        return User.objects.get(pk=pk)


def run_random_series():
    """Run a Network through many series of changes. Raises AssertionError if a page isn't what the sets say."""
    # No deadline, because the duration depends on the machine.
    budget = settings(
        max_examples=SERIES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    try:
        run_state_machine_as_test(Network, settings=budget)
    finally:
        home_timeline.cache_clear()
