import json
import secrets
import time
from pathlib import Path
from statistics import median, quantiles

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rich.console import Console
from rich.table import Table

from accounts.common.models import ListPart, ScanPosition
from accounts.common.seeding import positive
from accounts.jobs import periodic
from accounts.jobs.worker import Worker
from accounts.models import Follow, NameWord, User
from accounts.notifications import digests
from accounts.notifications.followers import FollowerMilestone
from accounts.tasks import prune
from posts.models import Post
from posts.reading.models import ReadMarker
from socializer.benchmark.quiet import without_request_log
from socializer.benchmark.serving import require_static_files
from socializer.health import late_emails, late_jobs
from socializer.sitemaps import store_parts

ADMIN = ["posts/post", "moderation", "accounts/user", "accounts/follow", "accounts/moderationaction"]
ADMIN += ["accounts/delivery", "accounts/job"]
# How many people the reader follows, and how many unread posts they have.
FOLLOWED, UNREAD = 150, 300


class Command(BaseCommand):
    help = (
        "Shows how many queries and milliseconds pages, forms and periodic tasks take with this database. Run it on a small site "
        "and on a large one, such as bench_fill makes, and compare. Nothing that it writes is kept."
    )

    def add_arguments(self, parser):
        parser.add_argument("paths", nargs="*", help="Measure only these paths, as an administrator.")
        parser.add_argument("--rounds", type=positive, default=20)
        parser.add_argument("--json", type=Path, metavar="FILE", help="Write the medians to this file.")
        parser.add_argument(
            "--compare", type=Path, metavar="FILE", help="Show the ratio to the medians in this file."
        )

    def handle(self, *, paths, rounds, compare, **options):
        if rounds < 2:
            raise CommandError("Use at least 2 rounds. The result of one round means nothing.")
        require_static_files()
        earlier = json.loads(compare.read_text()) if compare else {}
        with without_request_log(), transaction.atomic():
            lines = some_paths(paths) if paths else everything()
            results = {name: measure(run, rounds) for name, run in lines}
            transaction.set_rollback(True)
        self.print_table(results, rounds, earlier)
        if options["json"]:
            medians = {name: p50 for name, (_queries, p50, _p95) in results.items()}
            options["json"].write_text(json.dumps(medians, indent=1))

    def print_table(self, results, rounds, earlier):
        table = Table(title=f"{connection.display_name}, {rounds} rounds", title_justify="left")
        for heading in ("what", "queries", "p50 ms", "p95 ms", *(["ratio"] if earlier else [])):
            table.add_column(heading, justify="left" if heading == "what" else "right")
        for name, (queries, p50, p95) in results.items():
            cells = [name, str(queries), f"{p50:.2f}", f"{p95:.2f}"]
            if earlier:
                cells.append(f"{p50 / earlier[name]:.2f}" if name in earlier else "")
            table.add_row(*cells)
        Console(file=self.stdout._out).print(table)


def measure(run, rounds):
    """Return the number of queries of `run()`, and the median and 95th percentile of its time in milliseconds."""
    run()  # Fill the caches.
    with CaptureQueriesContext(connection) as captured:
        run()
        queries = len(captured)  # Count now, because the next request clears the log.
    times = []
    for _round in range(rounds):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1000)
    return queries, median(times), quantiles(times, n=20)[-1]


def some_paths(paths):
    client = client_of(make_user(is_staff=True, is_superuser=True))
    return [(path, get(client, path)) for path in paths]


def everything():
    """Yield (name, function) for everything that is measured. The database is in the right state when a function is yielded."""
    reader, administrator = make_reader(), make_user(is_staff=True, is_superuser=True)
    client, admin, visitor = client_of(reader), client_of(administrator), Client(headers=host())
    known = User.objects.visible().order_by("-rank").first()
    post = Post.objects.visible().order_by("-pk").first()
    some, many = prefix_of_some(), known.username[:1]

    yield "home, nothing unread", get(client, "/", before=lambda: mark(reader, 0))
    yield f"home, {UNREAD} unread", get(client, "/", before=lambda: mark(reader, UNREAD))
    yield "poll for new posts", get(client, f"/news/?after={post.pk}", expected=(200, 204))
    yield "start page of a visitor", get(visitor, "/")
    yield "explore", get(client, "/explore/")
    yield "explore's feed", get(visitor, "/explore/feed.atom")
    yield "directory", get(client, "/users/")
    yield "directory, no matches", get(client, "/users/?q=nobodyatall")
    yield "directory, some matches", get(client, f"/users/?q={some}")
    yield "directory, very many match", get(client, f"/users/?q={many}")
    yield "profile of the most followed", get(client, known.get_absolute_url())
    yield "their followers", get(client, f"{known.get_absolute_url()}followers/")
    yield "permalink", get(client, post.get_absolute_url())
    for path in ADMIN:
        yield f"admin: {path}", get(admin, f"/admin/{path}/")
    yield "admin: search people", get(admin, f"/admin/accounts/user/?q={some}")
    yield "admin: posts of one author", get(admin, f"/admin/posts/post/?q=@{known.username}")
    yield "post", send(client, "/posts/add/", lambda: {"content": f"Hello {secrets.token_hex(4)}"})
    yield "follow", toggle(client, known)
    make_work(known)
    for periodic_task in periodic.all_periodic_tasks():
        if periodic_task.task is not prune:
            yield f"task: {periodic_task.name}", periodic_task.task.func
    worker = Worker()
    yield "worker: the next job", lambda: worker.ready().first()
    yield "worker: jobs of dead workers", worker.requeue_lost
    yield "health: late jobs and emails", lambda: (late_jobs().exists(), late_emails().exists())


def make_user(**fields):
    return User.objects.create(username=f"bench_{secrets.token_hex(8)}", **fields)


def make_reader():
    """Return a new member who follows FOLLOWED people, some with many followers."""
    reader = make_user()
    followed = [*User.objects.visible().order_by("-rank")[:10]]
    others = User.objects.visible().exclude(pk=reader.pk).exclude(pk__in=[user.pk for user in followed])
    followed += others.order_by("pk")[: FOLLOWED - len(followed)]
    Follow.objects.bulk_create(Follow(follower=reader, followed=user) for user in followed)
    return reader


def mark(reader, unread):
    """Mark all posts in the reader's home timeline as read, except the newest `unread`."""
    posts = Post.objects.followed_by(reader).newest_first()[unread : unread + 1]
    position = posts[0].pk
    ReadMarker.objects.update_or_create(reader=reader, defaults={"position": position, "divider": position})


def prefix_of_some():
    """Return the longest username prefix that matches more than a page of people."""
    name = User.objects.visible().order_by("pk")[100:101].get().username
    prefixes = (name[:length] for length in range(len(name), 0, -1))
    return next(p for p in prefixes if NameWord.objects.beginning_with(p.encode())[:31].count() == 31)


def make_work(known):
    """Make emails due so that the tasks have work, and put the tasks that go through all members halfway through."""
    middle = User.objects.order_by("-pk")[0].pk // 2
    for name in ("recount", "sweep"):
        ScanPosition.objects.update_or_create(name=name, defaults={"position": middle})
    with transaction.atomic():
        digests.notify(FollowerMilestone.name, known, subject=100)
    # On a new site, parts of the sitemap haven't been stored yet.
    before = None
    while before != (before := ListPart.objects.count()):
        store_parts.func()


def client_of(user):
    """Return a client that is logged in as a member who is deleted when the transaction is rolled back."""
    settings.ADMIN_REQUIRES_MFA = False
    client = Client(headers=host())
    client.force_login(user)
    return client


def host():
    return {"host": settings.ALLOWED_HOSTS[0]}


def get(client, path, *, before=None, expected=(200,)):
    is_ready = before is None

    def run():
        nonlocal is_ready
        if not is_ready:
            before()
            is_ready = True
        answer(client.get(path, secure=settings.HTTPS), path, expected)

    return run


def send(client, path, data):
    def run():
        answer(client.post(path, data(), secure=settings.HTTPS), path, (302,))

    return run


def toggle(client, person):
    """Return a function that follows and then unfollows. Each takes half of the time."""
    follow, unfollow = (f"{person.get_absolute_url()}{verb}/" for verb in ("follow", "unfollow"))
    paths = [unfollow, follow]

    def run():
        paths.reverse()
        answer(client.post(paths[0], secure=settings.HTTPS), paths[0], (302,))

    return run


def answer(response, path, expected):
    if response.status_code not in expected:
        raise CommandError(f"{path} responded with {response.status_code}.")
