import secrets
import time
from statistics import median, quantiles

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rich.console import Console
from rich.table import Table

from accounts.models import User
from accounts.quiet import without_request_log
from accounts.seeding.command import positive

PATHS = [
    "/",
    "/explore/",
    "/users/",
    "/admin/accounts/user/",
    "/admin/accounts/user/?q=ada",
    "/admin/accounts/follow/",
    "/admin/accounts/moderationaction/",
    "/admin/posts/post/",
    "/admin/posts/post/?q=@ada",
    "/admin/posts/reportedpost/",
]


class Command(BaseCommand):
    help = (
        "Tells how many queries and milliseconds pages take on this database, as an administrator sees them: run it on a "
        "small one and on a large one. Writes nothing that stays."
    )

    def add_arguments(self, parser):
        parser.add_argument("paths", nargs="*", default=PATHS)
        parser.add_argument("--rounds", type=positive, default=20)

    def handle(self, *, paths, rounds, **options):
        if rounds < 2:
            raise CommandError("One round says nothing: take 2 at least.")
        table = Table(title=f"{connection.display_name}, {rounds} rounds", title_justify="left")
        for heading in ("page", "queries", "p50 ms", "p95 ms"):
            table.add_column(heading, justify="left" if heading == "page" else "right")
        with without_request_log(), transaction.atomic():
            client = self.administrator_client()
            for path in paths:
                table.add_row(path, *measure(client, path, rounds))
            transaction.set_rollback(True)
        Console().print(table)

    def administrator_client(self):
        """A client that has logged in as somebody who is gone when the transaction is rolled back."""
        settings.ADMIN_SECOND_FACTOR = False
        client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
        name = f"bench_{secrets.token_hex(8)}"
        client.force_login(User.objects.create(username=name, is_staff=True, is_superuser=True))
        return client


def measure(client, path, rounds):
    """Return the number of queries and the median and 95th percentile of milliseconds, as text."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path, secure=settings.HTTPS)
        count = len(queries)  # Each further request forgets the log.
    if response.status_code != 200:
        raise CommandError(f"{path} answers {response.status_code}.")
    times = []
    for _round in range(rounds):
        start = time.perf_counter()
        client.get(path, secure=settings.HTTPS)
        times.append((time.perf_counter() - start) * 1000)
    return str(count), f"{median(times):.1f}", f"{quantiles(times, n=20)[-1]:.1f}"
