"""`http`: requests per second of home timelines, compared with a stock Django view that only loads the session and user.

The server is started as script/server starts it. The first page of a process is compared with the pages after it.
"""

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
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management.base import CommandError
from django.db import connection
from django.middleware.csrf import CSRF_SECRET_LENGTH

from socializer.benchmark.measuring import Result, high

FLOOR = "stock Django view"
STOCK_PATH = "/benchmark/stock/"
STOCK_BACKEND = "django.contrib.auth.backends.ModelBackend"
CLIENTS = 8
ALONE = 60
SECONDS = 1.0
START_WITHIN = 30


def compare_pages(readers, rounds, timeline, **where):
    """Return two lists: (Result, requests per second) of each page with CLIENTS at once, and Results of single requests.

    `readers` maps names to members. The pages are measured in turn, for a second each. The second list compares a page of a
    process that has been running for a while with its first page.
    """
    someone = next(iter(readers.values()))
    targets = {"no session": ("/livez/", ""), FLOOR: (STOCK_PATH, cookie_of(someone, STOCK_BACKEND))}
    targets |= {f"home, {name}": ("/", cookie_of(reader)) for name, reader in readers.items()}
    times, rates = {name: [] for name in targets}, {name: [] for name in targets}
    with server(timeline) as port:
        client, cookie = connect(port), cookie_of(someone)
        alone = [time_one(client, "/", cookie) for _time in range(ALONE)]
        for number in range(rounds + 1):
            for name, target in targets.items():
                found, seconds = ask_at_once(port, *target)
                if number:  # The first round warms up.
                    times[name] += found
                    rates[name].append(len(found) / seconds)
    rates = {name: median(found) for name, found in rates.items()}
    at_once = [as_result(name, times[name], rates[FLOOR] / rates[name], where) for name in targets]
    first, warm = alone[:1] * 2, alone[ALONE // 2 :]
    return list(zip(at_once, rates.values(), strict=True)), [
        as_result("a page, alone", warm, 1, where),
        as_result("first page of a process", first, first[0] / median(warm), where),
    ]


def as_result(name, times, ratio, where):
    return Result(
        strategy=name,
        p50=median(times) * 1000,
        p95=high(times) * 1000,
        samples=len(times),
        queries=None,
        ratio=ratio,
        page=1,
        **where,
    )


def cookie_of(member, backend=None):
    """Return the cookies of a browser in which the member is logged in with the site's backend or another one."""
    session = SessionStore()
    session[SESSION_KEY] = str(member.pk)
    session[BACKEND_SESSION_KEY] = backend or settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = member.get_session_auth_hash()
    session.save()
    secret = "x" * CSRF_SECRET_LENGTH
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}; {settings.CSRF_COOKIE_NAME}={secret}"


@contextmanager
def server(timeline):
    """Serve the current database with the command of script/server, in one process. Yields the port."""
    require_static_files()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "socializer.benchmark.wsgi"]
    command += ["--config", "python:socializer.gunicorn"]
    environment = os.environ | {
        "BIND": f"127.0.0.1:{port}",
        "DATABASE_URL": database_url(),
        "HOME_TIMELINE": timeline,
        "LOG_LEVEL": "WARNING",
        "SITE_URL": "http://localhost:8000",
        "TIMELINE_REDIS_URL": settings.TIMELINE_REDIS_URL,
    }
    process = subprocess.Popen(command, env=environment)  # noqa: S603 (our own command)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(START_WITHIN)


def require_static_files():
    """Raise CommandError if the static files haven't been collected."""
    try:
        staticfiles_storage.url("admin/css/base.css")
    except ValueError as error:
        raise CommandError("There are no static files. Run manage.py collectstatic first.") from error


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
            return ask(connect(port), "/livez/", "")
        except OSError:
            time.sleep(0.2)
    raise CommandError("The server didn't start. Its output is above.")


def ask_at_once(port, path, cookie):
    """Send requests from CLIENTS for a while. Return the seconds that each request took, and the total number of seconds."""
    start = time.monotonic()

    def run(_client):
        client, times = connect(port), []
        while time.monotonic() < start + SECONDS:
            times.append(time_one(client, path, cookie))
        client.close()
        return times

    with ThreadPoolExecutor(CLIENTS) as clients:
        times = [seconds for found in clients.map(run, range(CLIENTS)) for seconds in found]
    return times, time.monotonic() - start


def connect(port):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=30)


def time_one(client, path, cookie):
    start = time.perf_counter()
    ask(client, path, cookie)
    return time.perf_counter() - start


def ask(client, path, cookie):
    client.request("GET", path, headers={"Cookie": cookie, "Host": "localhost:8000"})
    response = client.getresponse()
    response.read()
    if response.status != 200:
        raise CommandError(f"{path} responded with {response.status}. Nothing was measured.")
