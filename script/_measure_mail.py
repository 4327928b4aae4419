"""The measurements of script/measure-mail."""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from unittest import mock

from _mail_trial import HOST, Inbox, Server, make_people, set_up, start_worker

PORT = 10026
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def burst(count):
    """Measure how many emails are sent when one member gains `count` followers within an hour. The worker runs every minute."""
    import time_machine

    set_up(EMAIL_URL=f"smtp://{HOST}:{PORT}")
    from accounts.emails.models import Delivery
    from accounts.jobs.worker import Worker
    from accounts.notifications.models import Notification

    inbox = Inbox()
    server = Server(inbox, PORT)
    (star,) = make_people("star", 1)
    people = make_people("fan", count)
    before, begin = peak(), time.monotonic()
    with time_machine.travel(NOON, tick=False) as clock, mock.patch.object(Worker, "do_housekeeping"):
        for minute in range(60):
            for person in people[minute::60]:
                person.follow(star)
            Worker(batch=True).run()
            clock.shift(timedelta(minutes=1))
        seconds = time.monotonic() - begin
        by_type = Counter(Delivery.objects.filter(state="sent").values_list("type", flat=True))
        print(f"{count} follows in an hour: emails {dict(by_type)}")
        Worker(batch=True).run()
        clock.shift(timedelta(hours=1))
        Worker(batch=True).run()
    thresholds = [
        body.split("reached ")[1].split(" ")[0] for *_rest, body in inbox.received if "reached" in body
    ]
    print(f"milestones emailed by the end of the next hour: {thresholds}")
    print(f"notifications still waiting: {Notification.objects.waiting().count()}")
    print(f"{seconds:.0f} s for follows and jobs; peak memory {peak()} MB, {before} MB before")
    server.stop()


def follow(count):
    """Measure the time of follow requests while the mail server hangs, alternately with and without the notification."""
    set_up(EMAIL_URL=f"smtp://{HOST}:{PORT}", FOLLOW_LIMIT="1000000/1", ALLOWED_HOSTS="testserver")
    from django.test import Client

    from accounts import signals
    from accounts.notifications import followers

    server = Server(Inbox(reply=lambda recipient: time.sleep(5)), PORT)
    (ada,) = make_people("ada", 1)
    people = make_people("person", 2 * count)
    worker = start_worker()
    client = Client()
    client.force_login(ada)
    times = {True: [], False: []}
    for number, person in enumerate(people):
        connected = number % 2 == 0
        if not connected and not signals.user_followed.disconnect(followers.record_follow):
            sys.exit("The receiver has a different name.")
        begin = time.perf_counter()
        response = client.post(f"/@{person.username}/follow/")
        times[connected].append(time.perf_counter() - begin)
        if not connected:
            signals.user_followed.connect(followers.record_follow)
        if response.status_code != 302:
            sys.exit(f"A request to follow returned {response.status_code}.")
    worker.kill()
    worker.wait()
    with_email, without = (statistics.median(times[connected]) * 1000 for connected in (True, False))
    print(
        f"{count} follows each, by turns: {with_email:.2f} ms with emails, {without:.2f} ms without (medians)"
    )
    print(f"ratio {with_email / without:.3f}")
    server.controller.loop.call_soon_threadsafe(server.controller.loop.stop)


def jobs(count):
    """Measure jobs per second, and check that each job ran once, with one worker and, on PostgreSQL, with four."""
    set_up()
    from django.db import connection, transaction

    from accounts.jobs.models import Job
    from accounts.notifications.digests import send_digest

    for workers in [1, 4] if connection.vendor == "postgresql" else [1]:
        Job.objects.all().delete()
        with transaction.atomic():
            for _number in range(count):
                send_digest.enqueue(0)
        begin = time.monotonic()
        for process in [start_worker("--batch", stderr=subprocess.DEVNULL) for _ in range(workers)]:
            process.wait()
        seconds = time.monotonic() - begin
        jobs = Job.objects.filter(task_path="emails.send_digest")
        runs = Counter(len(ids) for ids in jobs.values_list("worker_ids", flat=True))
        left = Job.objects.exclude(status="SUCCESSFUL").count()
        print(
            f"{connection.vendor}, {workers} workers: {count / seconds:.0f} jobs a second with the start; "
            f"runs of each job {dict(runs)}; left {left}"
        )


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["burst", "follow", "jobs"])
    parser.add_argument("--count", type=int)
    chosen = parser.parse_args()
    measure, usual = {"burst": (burst, 10_000), "follow": (follow, 400), "jobs": (jobs, 2000)}[chosen.what]
    measure(chosen.count or usual)


if __name__ == "__main__":
    main()
