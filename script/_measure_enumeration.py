"""The measurement of script/measure-enumeration."""

import argparse
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from http.client import HTTPConnection
from unittest import mock
from urllib.parse import urlencode

from _mail_trial import HOST, ROOT, make_people, set_up

BOUND = 5  # In milliseconds, for the 95% confidence interval of the difference between the medians.
RESAMPLES = 2000
COUNTED = 20
PASSWORD = "correct horse battery"  # noqa: S105 (no account uses it)
SECRET = "x" * 32


def people(kind, count):
    """Return usernames and addresses of known or unknown people. Each person is used only once, to stay within rate limits."""
    return [(f"{kind}{n}", f"{kind}{n}@example.org") for n in range(count)]


def sign_up(kind, number, name, email):
    return "/users/signup/", {"username": f"new_{kind}{number}", "email": email, "password1": PASSWORD}


def log_in(kind, number, name, email):
    return "/users/login/", {"login": (name, email)[number % 2], "password": "wrong"}


def reset(kind, number, name, email):
    return "/users/password/reset/", {"email": email}


FORMS = {"sign-up": sign_up, "login": log_in, "reset": reset}
STATUS = {"sign-up": 302, "login": 200, "reset": 302}


def prepare(count):
    """Set up Django with a scratch database that contains the known people, each with a hashed password."""
    set_up(
        EMAIL_VERIFICATION="mandatory",
        EMAIL_URL="memorymail://",
        SITE_URL="http://localhost",
        # Each request has its own IP address, because the rate limits for one address aren't measured here.
        TRUSTED_PROXIES="1",
    )
    from allauth.account.models import EmailAddress
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command

    from accounts.models import User

    call_command("collectstatic", interactive=False, verbosity=0)
    known = make_people("known", count)
    User.objects.update(password=make_password("something else"))
    EmailAddress.objects.bulk_create(
        EmailAddress(user=person, email=person.email, primary=True, verified=True) for person in known
    )


@contextmanager
def server():
    """Serve the database with gunicorn, and yield the port."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "socializer.wsgi", "--bind", f"{HOST}:{port}"]
    command += ["--worker-class", "gthread", "--threads", "4", "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ)  # noqa: S603
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def wait_for(port):
    for _attempt in range(150):
        try:
            connection = HTTPConnection(HOST, port, timeout=10)
            connection.request("GET", "/livez/")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("The server didn't start. Its output is above.")


def address(number):
    """Return the IP address for a request."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def send(connection, number, path, data):
    """Post a form as a new visitor. Return the milliseconds, the status and the names of the cookies."""
    headers = {
        "Host": "localhost",
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"csrftoken={SECRET}",
        "X-Forwarded-For": address(number),
    }
    body = urlencode(data | {"csrfmiddlewaretoken": SECRET})
    begin = time.perf_counter()
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    response.read()
    cookies = sorted(re.match(r"\w+", cookie)[0] for cookie in response.headers.get_all("Set-Cookie", []))
    return (time.perf_counter() - begin) * 1000, response.status, cookies


def measure(port, form, count):
    """Return two dicts whose keys are the kinds of people: lists of milliseconds, and Counters of the responses."""
    connection = HTTPConnection(HOST, port, timeout=60)
    names = {kind: people(kind, count) for kind in ("known", "unknown")}
    times, responses = {kind: [] for kind in names}, {kind: Counter() for kind in names}
    for number in range(count):
        # Alternate between the kinds, in random order.
        for kind in random.sample(sorted(names), 2):
            path, data = FORMS[form](kind, number, *names[kind][number])
            request = number * 2 + (kind == "known") + sorted(FORMS).index(form) * 100_000
            milliseconds, status, cookies = send(connection, request, path, data)
            if status != STATUS[form]:
                sys.exit(f"{form} got the status {status}.")
            times[kind].append(milliseconds)
            responses[kind][status, *cookies] += 1
    return times, responses


def interval(known, unknown):
    """Return the 95% bootstrap interval of the difference between the medians of two lists of milliseconds."""
    differences = sorted(
        statistics.median(random.choices(known, k=len(known)))
        - statistics.median(random.choices(unknown, k=len(unknown)))
        for _resample in range(RESAMPLES)
    )
    return differences[int(RESAMPLES * 0.025)], differences[int(RESAMPLES * 0.975)]


def count_work(form, kind, count):
    """Return a Counter of the password hashes and writes of requests in this process. They should be the same for all requests.

    These requests don't use the `count` people of each kind that were already used to measure over HTTP.
    """
    from django.contrib.auth.hashers import Argon2PasswordHasher as Hasher
    from django.db import connection
    from django.test import Client

    hashes, writes, work = [], [], Counter()

    def record_write(execute, sql, params, many, context):
        if found := re.match(r"\s*(INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", sql):
            writes.append(" ".join(found.groups()))
        return execute(sql, params, many, context)

    def counting(method):
        def wrapper(*args, **kwargs):
            hashes.append(1)
            return method(*args, **kwargs)

        return wrapper

    for number, (name, email) in enumerate(people(kind, count + COUNTED)[count:]):
        path, data = FORMS[form](f"{kind}_counted", number, name, email)
        client = Client(SERVER_NAME="localhost", headers={"X-Forwarded-For": address(10**6 + number)})
        hashes.clear()
        writes.clear()
        with (
            mock.patch.object(Hasher, "encode", counting(Hasher.encode)),
            mock.patch.object(Hasher, "verify", counting(Hasher.verify)),
            connection.execute_wrapper(record_write),
        ):
            client.post(path, data)
        work[len(hashes), tuple(writes)] += 1
    return work


def report(form, times, responses, work):
    """Print the results for a form. Return whether known and unknown people are indistinguishable."""
    low, high = interval(times["known"], times["unknown"])
    same = responses["known"] == responses["unknown"] and work["known"] == work["unknown"]
    medians = ", ".join(f"{kind} {statistics.median(times[kind]):.1f} ms" for kind in times)
    print(f"{form}: {medians}; difference of medians {low:+.2f} to {high:+.2f} ms (95 %)")
    for kind in times:
        for (hashes, writes), _requests in sorted(work[kind].items()):
            print(f"  {kind}: {hashes} hashes, {len(writes)} writes: {', '.join(writes) or 'none'}")
    if not same:
        print(f"  They differ: responses {responses}")
    return same and low >= -BOUND and high <= BOUND


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="requests of each kind (200)")
    count = parser.parse_args().count
    prepare(count + COUNTED)
    with server() as port:
        # Warm up: compile templates and open connections.
        for form in FORMS:
            warm = HTTPConnection(HOST, port, timeout=60)
            for number in range(8):
                path, data = FORMS[form]("warm", number, f"warm{number}", f"warm{number}@example.org")
                send(warm, 10**5 * 9 + number, path, data)
        measured = {form: measure(port, form, count) for form in FORMS}
    passed = [
        report(form, *measured[form], {kind: count_work(form, kind, count) for kind in ("known", "unknown")})
        for form in FORMS
    ]
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
