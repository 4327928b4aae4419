"""The measurement of script/measure-load: the real server and worker, and clients that are logged in as members."""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import quantiles
from threading import Thread
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
HOST = "localhost:8000"
START_WITHIN = 60
MEMBERS = 200
CSRF = "x" * 32
# The actions of the clients, and the relative frequency of each.
READS = {"home": 8, "explore": 2, "profile": 3, "directory": 1, "permalink": 2}
WRITES = {"post": 2, "follow": 1, "unfollow": 1}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write the figures to this file.")
    options = parser.parse_args()
    environment = set_up()
    cookies, people, posts = prepare()
    process, port = start_site(environment)
    try:
        times, errors = load(port, cookies, people, posts, options)
        memory = memory_below(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_WITHIN)
    report(times, errors, memory, options)
    sys.exit(1 if errors else 0)


def set_up():
    """Set up Django with the database of DATABASE_URL. Return the environment for the site."""
    if not os.environ.get("DATABASE_URL"):
        sys.exit("Set DATABASE_URL to a filled database. The measurement writes to it.")
    os.environ |= {
        "ENV_FILE": os.devnull,
        "SECRET_KEY": "only-for-trials-0123456789-abcdefghijklmnopqrstuvwxyz",
        "DJANGO_SETTINGS_MODULE": "socializer.settings",
        "SITE_URL": f"http://{HOST}",
        "LOG_LEVEL": "ERROR",
        "EMAIL_URL": "dummymail://",
        "POST_LIMIT": "1000000/600",
        "FOLLOW_LIMIT": "1000000/600",
    }
    sys.path.insert(0, str(ROOT))
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    if not (ROOT / "var/static/staticfiles.json").exists():
        call_command("collectstatic", interactive=False, verbosity=0)
    return dict(os.environ)


def prepare():
    """Return the cookies of some members, the usernames of people, and the ids of posts."""
    from django.db import connections

    from accounts.models import User
    from posts.models import Post

    rng = random.Random(1)
    visible = User.objects.filter(suspended_on=None).order_by("pk")
    highest = User.objects.order_by("-pk")[0].pk
    keys = sorted(rng.sample(range(1, highest + 1), min(highest, MEMBERS * 5)))
    people = list(visible.filter(pk__in=keys))
    if len(people) < 10:
        sys.exit("There are too few people in this database. Fill it with manage.py bench_fill.")
    posts = list(Post.objects.filter(hidden_on=None).order_by("-pk").values_list("pk", flat=True)[:500])
    cookies = [cookie_of(member) for member in people[:MEMBERS]]
    connections.close_all()
    return cookies, [person.username for person in people], posts


def cookie_of(member):
    """Return the Cookie header of a browser in which the member is logged in."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(member.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = member.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}; {settings.CSRF_COOKIE_NAME}={CSRF}"


def start_site(environment):
    """Start the server and the worker as script/server does. Return their parent process and the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "script/_supervise", sys.executable, "-m", "gunicorn", "socializer.wsgi"]
    command += ["--config", "python:socializer.gunicorn", "--", sys.executable, "manage.py", "worker"]
    environment = environment | {"BIND": f"127.0.0.1:{port}"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)  # noqa: S603 (the command is from this file)
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        try:
            if request(HTTPConnection("127.0.0.1", port, timeout=5), "GET", "/livez/", "")[0] == 200:
                return process, port
        except OSError:
            time.sleep(0.2)
    process.terminate()
    sys.exit("The server didn't start. Its output is above.")


def load(port, cookies, people, posts, options):
    """Run the clients. Return a dict from each action to a list of milliseconds, and a Counter of errors."""
    times, errors, end = defaultdict(list), Counter(), time.monotonic() + options.seconds

    def work(number):
        rng = random.Random(number)
        client = HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < end:
            action, method, path, data = choose(rng, people, posts)
            start = time.perf_counter()
            try:
                status, _body = request(client, method, path, rng.choice(cookies), data)
            except (OSError, HTTPException) as error:
                errors[f"{action}: {type(error).__name__}"] += 1
                client.close()
                continue
            times[action].append((time.perf_counter() - start) * 1000)
            if status not in (200, 302):
                errors[f"{action}: {status}"] += 1

    threads = [Thread(target=work, args=[number]) for number in range(options.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, errors


def choose(rng, people, posts):
    """Return (action, method, path, data) of the next request."""
    actions = WRITES if rng.random() < 0.2 else READS
    (action,) = rng.choices(list(actions), list(actions.values()))
    person = rng.choice(people)
    paths = {
        "home": "/",
        "explore": "/explore/",
        "profile": f"/@{person}/",
        "directory": rng.choice(["/users/", f"/users/?q={person[:8]}"]),
        "permalink": f"/posts/{rng.choice(posts)}/",
        "post": "/posts/add/",
        "follow": f"/@{person}/follow/",
        "unfollow": f"/@{person}/unfollow/",
    }
    if actions is READS:
        return action, "GET", paths[action], None
    return action, "POST", paths[action], {"content": f"Something to measure {rng.random()}"}


def request(client, method, path, cookie, data=None):
    headers = {"Host": HOST, "Cookie": cookie, "X-CSRFToken": CSRF}
    if data is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    client.request(method, path, urlencode(data) if data is not None else None, headers)
    response = client.getresponse()
    return response.status, response.read()


def memory_below(root):
    """Return [(megabytes, command)] for all descendants of the process. Resident memory counts, including shared memory."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,rss=,args="],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    below, found = {root}, []
    for line in sorted(listed.stdout.splitlines(), key=lambda line: int(line.split()[0])):
        pid, parent, kilobytes, command = line.split(None, 3)
        if int(parent) in below:
            below.add(int(pid))
            found.append((int(kilobytes) // 1024, command))
    return found


def report(times, errors, memory, options):
    requests = sum(map(len, times.values()))
    print(
        f"{requests} requests in {options.seconds} s by {options.clients} clients, {sum(errors.values())} errors"
    )
    print(f"{'':10} {'requests':>8} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    figures = {}
    for action, taken in sorted(times.items()):
        cuts = quantiles(taken * 2, n=100)  # Doubled because quantiles() needs at least two values.
        figures[action] = {"requests": len(taken), "p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}
        print(f"{action:10} {len(taken):8} {cuts[49]:8.1f} {cuts[94]:8.1f} {cuts[98]:8.1f}")
    for error, count in errors.most_common():
        print(f"{count} x {error}")
    for megabytes, command in memory:
        print(f"{megabytes:4} MB  {command[-60:]}")
    if options.json:
        figures = {"requests": requests, "errors": dict(errors), "times": figures, "memory": memory}
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
