"""`http`: the site's own server command, asked for a constant, for a constant that knows who asks, and for timelines."""

import http.client
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management.base import CommandError
from django.db import connection

CLIENTS = 4
SECONDS = 1.0
START_WITHIN = 30


def compare_pages(readers, rounds, timeline):
    """Return [(what, requests a second, share of the authenticated constant)], the medians of so many rounds.

    `readers` maps names to members. All are asked in turns, a second each.
    """
    someone = next(iter(readers.values()))
    targets = {
        "constant": ("/livez/", ""),
        "constant for a member": ("/benchmark/constant/", cookie_of(someone)),
    }
    targets |= {f"home, reader of {name}": ("/", cookie_of(reader)) for name, reader in readers.items()}
    rates = {name: [] for name in targets}
    with server(timeline) as port:
        for _round in range(rounds + 1):
            for name, target in targets.items():
                rates[name].append(requests_a_second(port, *target))
    # The first round warms up.
    rates = {name: median(found[1:]) for name, found in rates.items()}
    return [(name, rate, rate / rates["constant for a member"]) for name, rate in rates.items()]


def cookie_of(member):
    """A session of the member's, as a cookie."""
    session = SessionStore()
    session[SESSION_KEY] = str(member.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = member.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


@contextmanager
def server(timeline):
    """Let script/server's command serve the database at hand, in one process; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "posts.benchmark.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", "8", "--log-level", "warning"]
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "HOME_TIMELINE": timeline,
        "LOG_LEVEL": "WARNING",
        "SITE_URL": "http://localhost:8000",
        "TIMELINE_REDIS_URL": settings.TIMELINE_REDIS_URL,
    }
    process = subprocess.Popen(command, env=environment)  # noqa: S603 (our own words)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(START_WITHIN)


def database_url():
    config = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{config['NAME']}"
    host, port = config["HOST"], config["PORT"] or 5432
    if not host or host.startswith("/"):
        return f"postgres:///{host or '/var/run/postgresql'}/{config['NAME']}"
    return f"postgres://{config['USER']}:{config['PASSWORD']}@{host}:{port}/{config['NAME']}"


def wait_for(port):
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        try:
            return ask(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "/livez/", "")
        except OSError:
            time.sleep(0.2)
    raise CommandError("The server did not start. What it said is above.")


def requests_a_second(port, path, cookie):
    start = time.monotonic()

    def run(_client):
        client, count = http.client.HTTPConnection("127.0.0.1", port, timeout=30), 0
        while time.monotonic() < start + SECONDS:
            ask(client, path, cookie)
            count += 1
        client.close()
        return count

    with ThreadPoolExecutor(CLIENTS) as clients:
        count = sum(clients.map(run, range(CLIENTS)))
    return count / (time.monotonic() - start)


def ask(client, path, cookie):
    client.request("GET", path, headers={"Cookie": cookie, "Host": "localhost:8000"})
    response = client.getresponse()
    response.read()
    if response.status != 200:
        raise CommandError(f"{path} answers {response.status}. Nothing was measured.")
