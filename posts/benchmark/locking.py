"""`locks`: writers and readers at once on one SQLite file."""

import threading
import time

from django.db import OperationalError, connection

from accounts.models import User
from posts.models import Post
from posts.timelines import home_timeline

WRITERS, READERS = 4, 8


def count_lock_errors(seconds):
    """Return how many posts were written, pages read and "database is locked" met in so many seconds."""
    people = list(User.objects.visible().order_by("pk")[: WRITERS + READERS])
    counts, deadline = {"posts": 0, "pages": 0, "lock errors": 0}, time.monotonic() + seconds
    guard = threading.Lock()

    def post(person):
        Post(author=person, content="One of many").publish()
        return "posts"

    def read(person):
        home_timeline().posts(person, limit=20)
        return "pages"

    def work(act, person):
        while time.monotonic() < deadline:
            try:
                done = act(person)
            except OperationalError:
                done = "lock errors"
            with guard:
                counts[done] += 1
        connection.close()

    threads = [
        threading.Thread(target=work, args=(post if number < WRITERS else read, person))
        for number, person in enumerate(people)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return counts
