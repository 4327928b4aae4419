"""Helpers for the tests about a reader who comes back."""

from datetime import datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from posts import ids
from posts.tests.factories import LONG_AGO, PostFactory

TUESDAY = datetime(2026, 3, 3, 9, tzinfo=LONG_AGO.tzinfo)


def write(author, count, text="new"):
    """Return posts that were written just now, a second apart. They are old enough to be settled (see posts.ids)."""
    now = datetime.now(tz=LONG_AGO.tzinfo)
    times = [now - timedelta(seconds=age) for age in range(count + 4, 4, -1)]
    return [
        PostFactory(author=author, content=f"{text} {n}", id=ids.first_id_at(time) | author.pk)
        for n, time in enumerate(times)
    ]


def text_of(response):
    """Return the HTML of the page with single spaces."""
    return " ".join(response.content.decode().split())


def writes_of(client, path):
    """Return the SQL of all rows that the page inserts or updates."""
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))]


def queries_of(function):
    """Return how many queries a function makes."""
    with CaptureQueriesContext(connection) as captured:
        function()
    return len(captured)


def own_queries_of(client, path):
    """Return how many queries a page makes besides those of its frame, which all pages of members have.

    The frame takes three: the session, the user, and their newest notification.
    """
    return queries_of(lambda: client.get(path)) - 3
