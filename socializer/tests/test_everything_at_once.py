"""Many people like, reply, delete, block, leave and moderate at the same time. Nothing fails, and what is stored is consistent."""

import random
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from itertools import count
from threading import Barrier, Event

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client

from accounts.common.database_errors import AccountGone, sqlstate
from accounts.jobs.models import Job
from accounts.jobs.worker import Worker
from accounts.middleware import ConflictMiddleware
from accounts.models import User
from accounts.tests.factories import PASSWORD, UserFactory
from accounts.tests.locking import needs_row_locks
from posts.models import Post
from socializer import middleware

pytestmark = [needs_row_locks, pytest.mark.django_db(transaction=True)]

THREADS = 30
ACTIONS = 10
# So few that most actions concern the same people and posts as others.
PEOPLE = 8
NEWEST_POSTS = 12
NO_LIMIT = (1_000_000, 600)

numbers = count()


def newcomer():
    return UserFactory(username=f"newcomer{next(numbers)}")


class Person:
    """A member with a browser of their own. Several may be the same member."""

    WEIGHTS = {
        "post": 2,
        "reply": 8,
        "edit": 3,
        "delete": 4,
        "choose_who_replies": 1,
        "like": 6,
        "unlike": 3,
        "bookmark": 2,
        "remove_bookmark": 1,
        "mute_conversation": 1,
        "follow": 3,
        "unfollow": 1,
        "mute": 2,
        "unmute": 1,
        "block": 2,
        "unblock": 4,
        "report": 1,
        "open_notifications": 2,
        "open_thread": 2,
        "leave": 1,
    }

    def __init__(self, rng, member):
        self.rng = rng
        self.responses = []
        self.become(member)

    def become(self, member):
        self.member = member
        self.client = Client(raise_request_exception=False)
        self.client.force_login(member)

    def become_another(self):
        try:
            self.become(self.other())
        except AccountGone:
            self.become(newcomer())

    def act(self):
        (action,) = self.rng.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))
        response = getattr(self, action)()
        if response is not None:
            self.responses.append((action, response.status_code))
            # They were suspended, or have left in another browser.
            if "/login/" in getattr(response, "url", ""):
                self.become_another()

    def post_to(self, path, **data):
        return self.client.post(path, data)

    def other(self):
        return self.rng.choice(list(User.objects.visible().filter(is_staff=False)))

    def any_post(self, **conditions):
        newest = list(Post.objects.filter(**conditions).order_by("-pk")[:NEWEST_POSTS])
        return self.rng.choice(newest).pk if newest else 0

    def own_post(self):
        return self.any_post(author=self.member)

    def text(self):
        return f"Number {self.rng.random()} for @{self.other().username} and @{self.other().username}"

    def post(self):
        return self.post_to("/posts/add/", content=self.text())

    def reply(self):
        return self.post_to(f"/posts/{self.any_post()}/reply/", content=self.text())

    def edit(self):
        return self.post_to(f"/posts/{self.own_post()}/edit/", content=self.text())

    def delete(self):
        return self.post_to(f"/posts/{self.own_post()}/delete/")

    def choose_who_replies(self):
        policy = self.rng.choice(["everyone", "followed", "mentioned"])
        return self.post_to(f"/posts/{self.own_post()}/replies/", reply_policy=policy)

    def like(self):
        return self.post_to(f"/posts/{self.any_post()}/like/")

    def unlike(self):
        return self.post_to(f"/posts/{self.any_post()}/unlike/")

    def bookmark(self):
        return self.post_to(f"/posts/{self.any_post()}/bookmark/")

    def remove_bookmark(self):
        return self.post_to(f"/posts/{self.any_post()}/remove-bookmark/")

    def mute_conversation(self):
        return self.post_to(f"/posts/{self.any_post()}/mute-conversation/")

    def follow(self):
        return self.post_to(f"/@{self.other().username}/follow/")

    def unfollow(self):
        return self.post_to(f"/@{self.other().username}/unfollow/")

    def mute(self):
        return self.post_to(f"/@{self.other().username}/mute/", duration="day")

    def unmute(self):
        return self.post_to(f"/@{self.other().username}/unmute/")

    def block(self):
        return self.post_to(f"/@{self.other().username}/block/")

    def unblock(self):
        return self.post_to(f"/@{self.other().username}/unblock/")

    def report(self):
        return self.post_to(f"/posts/{self.any_post()}/report/", reason="spam")

    def open_notifications(self):
        return self.client.get("/notifications/")

    def open_thread(self):
        return self.client.get(f"/posts/{self.any_post()}/")

    def leave(self):
        response = self.post_to("/users/leave/", password=PASSWORD, sure="on")
        self.become(newcomer())
        return response


class Moderator(Person):
    WEIGHTS = {"hide": 3, "restore": 3, "suspend": 1, "reinstate": 3}

    def moderate(self, page, action, *keys):
        data = {"action": action, "_selected_action": keys, "reason": "Why not"}
        return self.post_to(f"/admin/{page}/", **data)

    def hide(self):
        return self.moderate("posts/post", "hide", self.any_post(), self.any_post())

    def restore(self):
        hidden = Post.objects.filter(hidden_on__isnull=False).values_list("pk", flat=True)
        return self.moderate("posts/post", "restore", *hidden) if hidden else None

    def suspend(self):
        return self.moderate("accounts/user", "suspend", self.other().pk)

    def reinstate(self):
        suspended = User.objects.suspended().values_list("pk", flat=True)
        return self.moderate("accounts/user", "reinstate", *suspended) if suspended else None


@pytest.fixture
def conflicts(monkeypatch):
    """The errors after which requests or jobs were tried again, except that someone had left."""
    noted = []

    def note(owner, name, error_of):
        original = getattr(owner, name)

        def noting(*args):
            error = error_of(*args)
            if isinstance(error, DatabaseError) and not isinstance(error, AccountGone):
                noted.append(f"{sqlstate(error)} {error!r}")
            return original(*args)

        monkeypatch.setattr(owner, name, noting)

    note(ConflictMiddleware, "process_exception", lambda self, request, error: error)
    note(Job, "set_failed", lambda self, error: error)
    return noted


@pytest.fixture(autouse=True)
def _no_limits(settings, monkeypatch):
    # With so many threads, a slow machine needs longer for a request than it may take.
    monkeypatch.setattr(middleware, "REQUEST_SECONDS", 300)
    for name in ("POST", "LIKE", "BOOKMARK", "FOLLOW", "BLOCK", "REPORT"):
        setattr(settings, f"{name}_LIMIT", NO_LIMIT)


def work(done):
    """Run jobs until nobody acts any more and none is ready."""
    try:
        worker = Worker(batch=True)
        while not done.wait(0.05):
            while job := worker.claim_next():
                worker.run_job(job)
        worker.run()
    finally:
        connection.close()


def act(person, start):
    """Let a Person act after all others have begun, too. Returns their responses."""
    try:
        start.wait()
        for _number in range(ACTIONS):
            person.act()
        return person.responses
    finally:
        connection.close()


def test_thirty_at_once(conflicts):
    people = UserFactory.create_batch(PEOPLE)
    moderator = UserFactory(is_staff=True, is_superuser=True)
    Post(author=people[0], content="What do you all think?").publish()
    crowd = [Person(random.Random(number), people[number % PEOPLE]) for number in range(THREADS - 1)]
    crowd.append(Moderator(random.Random(THREADS), moderator))
    start, done = Barrier(len(crowd), timeout=60), Event()
    with ThreadPoolExecutor(len(crowd) + 1) as pool:
        jobs = pool.submit(work, done)
        try:
            acting = [pool.submit(act, person, start) for person in crowd]
            responses = [response for future in acting for response in future.result()]
        finally:
            done.set()
        jobs.result(timeout=60)

    statuses = [status for _action, status in responses]
    assert statuses.count(302) > THREADS * ACTIONS / 3
    assert [response for response in responses if response[1] >= 500] == []
    assert conflicts == []
    out = StringIO()
    call_command("audit", stdout=out)
    assert "No errors found." in out.getvalue()
