"""`locks`: writers and readers use one SQLite file at the same time."""

import threading
import time

from django.db import OperationalError, connection

from accounts.common.cursors import PAGE_SIZE
from accounts.models import User
from posts.models import Post
from posts.timelines import home_timeline

WRITERS, READERS = 4, 8


def count_lock_errors(seconds):
    """Return a dict with the numbers of posts written, pages read and "database is locked" errors during this time."""
    people = list(User.objects.visible().order_by("pk")[: WRITERS + READERS])
    counts, deadline = {"posts": 0, "pages": 0, "lock errors": 0}, time.monotonic() + seconds
    guard = threading.Lock()

    def post(person):
        Post(author=person, content="One of many").publish()
        return "posts"

    def read(person):
        home_timeline().posts(person, limit=PAGE_SIZE)
        return "pages"

    def work(act, person):
        while time.monotonic() < deadline:
            try:
                result = act(person)
            except OperationalError:
                result = "lock errors"
            with guard:
                counts[result] += 1
        connection.close()

    threads = [
        threading.Thread(target=work, args=(post if number < WRITERS else read, person))
        for number, person in enumerate(people)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts
