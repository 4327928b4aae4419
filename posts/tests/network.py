"""Random series of changes to a small network, and plain sets that say what each reader must see.

The sets are the oracle. They never ask the database but only record what was done.
"""

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


class Network(RuleBasedStateMachine):
    """People sign up, follow, post and block. In between, readers page, and every page must be what the sets say."""

    def __init__(self):
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        # After a rollback the same keys are used again, while the cache still has the old rows.
        cache.clear()
        self.people = []
        self.posts = {}  # id: author
        self.follows, self.blocks = set(), set()
        self.suspended, self.hidden = set(), set()

    def teardown(self):
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    # Changes

    @initialize()
    def begin(self):
        for _ in range(3):
            self.sign_up()

    @precondition(lambda self: len(self.people) < 6)
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

    @rule(one=number, slot=st.integers(0, 400))
    def post(self, one, slot):
        """An id is made before its transaction commits, so a post can appear anywhere near the newest."""
        pk = FIRST_ID + slot
        if pk in self.posts:
            return
        author = self.person(one)
        with mock.patch.object(ids, "new_id", return_value=(pk, ids.time_of(pk))):
            Post(author_id=author, content="x").publish()
        self.posts[pk] = author

    @rule(one=number)
    def post_a_burst(self, one):
        start = max(self.posts, default=FIRST_ID) - FIRST_ID + 1
        for slot in range(start, start + 5):
            self.post(one, slot)

    @precondition(lambda self: self.posts)
    @rule(which=number)
    def delete(self, which):
        pk = self.a_post(which)
        Post.objects.get(pk=pk).delete()
        del self.posts[pk]
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
        blocked = {other for pair in self.blocks if reader in pair for other in pair} - {reader}
        authors = {other for one, other in self.follows if one == reader} - blocked | {reader}
        authors -= self.suspended
        visible = (pk for pk, author in self.posts.items() if author in authors and pk not in self.hidden)
        return sorted(visible, reverse=True)

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
        max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    try:
        run_state_machine_as_test(Network, settings=budget)
    finally:
        home_timeline.cache_clear()
