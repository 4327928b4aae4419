"""A reader who comes back: what the tests of reading share."""

from datetime import datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from posts import ids
from posts.tests.factories import LONG_AGO, PostFactory

TUESDAY = datetime(2026, 3, 3, 9, tzinfo=LONG_AGO.tzinfo)


def write(author, count, words="new"):
    """Posts of this moment, a second apart, the last of them as old as posts must be to be counted."""
    now = datetime.now(tz=LONG_AGO.tzinfo)
    moments = [now - timedelta(seconds=age) for age in range(count + 4, 4, -1)]
    return [
        PostFactory(author=author, content=f"{words} {n}", id=ids.first_id_at(moment) | author.pk)
        for n, moment in enumerate(moments)
    ]


def text_of(response):
    return " ".join(response.content.decode().split())


def writes_of(client, path):
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))]
