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

from _mail_trial import HOST, Letters, Server, make_people, set_up, start_worker

PORT = 10026
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def burst(count):
    """`count` follows of one person within an hour, the worker at work every minute of it."""
    import time_machine

    set_up(EMAIL_URL=f"smtp://{HOST}:{PORT}")
    from accounts.jobs.worker import Worker
    from accounts.models import Delivery, FollowNotice

    letters = Letters()
    server = Server(letters, PORT)
    (star,) = make_people("star", 1)
    people = make_people("fan", count)
    before, begin = peak(), time.monotonic()
    with time_machine.travel(NOON, tick=False) as clock, mock.patch.object(Worker, "keep_house"):
        for minute in range(60):
            for person in people[minute::60]:
                person.follow(star)
            Worker(batch=True).run()
            clock.shift(timedelta(minutes=1))
        seconds = time.monotonic() - begin
        by_kind = Counter(Delivery.objects.filter(state="sent").values_list("kind", flat=True))
        print(f"{count} follows in an hour: mails {dict(by_kind)}")
        Worker(batch=True).run()
        clock.shift(timedelta(hours=1))
        Worker(batch=True).run()
    thresholds = [
        body.split("reached ")[1].split(" ")[0] for *_rest, body in letters.kept if "reached" in body
    ]
    print(f"milestones told by the end of the next hour: {thresholds}")
    print(f"follows not told of: {FollowNotice.objects.filter(told_in='').count()}")
    print(f"{seconds:.0f} s for follows and jobs; peak memory {peak()} MB, {before} MB before")
    server.go()


def follow(count):
    """The time of a follow request with its receiver and without, by turns, while the mail server hangs."""
    set_up(EMAIL_URL=f"smtp://{HOST}:{PORT}", FOLLOW_LIMIT="1000000/1", ALLOWED_HOSTS="testserver")
    from django.test import Client

    from accounts import receivers, signals

    hanging = Letters(answer=lambda recipient: time.sleep(5))
    server = Server(hanging, PORT)
    (ada,) = make_people("ada", 1)
    people = make_people("person", 2 * count)
    worker = start_worker()
    client = Client()
    client.force_login(ada)
    times = {True: [], False: []}
    for number, person in enumerate(people):
        connected = number % 2 == 0
        if not connected:
            signals.user_followed.disconnect(dispatch_uid="accounts.note_follow")
        begin = time.perf_counter()
        answer = client.post(f"/@{person.username}/follow/")
        times[connected].append(time.perf_counter() - begin)
        if not connected:
            signals.user_followed.connect(receivers.note_follow, dispatch_uid="accounts.note_follow")
        if answer.status_code != 302:
            sys.exit(f"A follow was answered with {answer.status_code}.")
    worker.kill()
    worker.wait()
    with_mail, without = (statistics.median(times[connected]) * 1000 for connected in (True, False))
    print(f"{count} follows each, by turns: {with_mail:.2f} ms with mail, {without:.2f} ms without (medians)")
    print(f"ratio {with_mail / without:.3f}")
    server.controller.loop.call_soon_threadsafe(server.controller.loop.stop)


def jobs(count):
    """Jobs a second, and whether each was done once, by one worker and, on PostgreSQL, by four."""
    set_up()
    from django.db import connection, transaction

    from accounts.models import FollowerChange, Job
    from accounts.tasks import note_unfollow

    one, other = make_people("person", 2)
    for workers in [1, 4] if connection.vendor == "postgresql" else [1]:
        Job.objects.all().delete()
        FollowerChange.objects.all().delete()
        with transaction.atomic():
            for _number in range(count):
                note_unfollow.enqueue(one.pk, other.pk, NOON.isoformat())
        begin = time.monotonic()
        for process in [start_worker("--batch", stderr=subprocess.DEVNULL) for _ in range(workers)]:
            process.wait()
        seconds = time.monotonic() - begin
        runs = Counter(
            len(ids)
            for ids in Job.objects.filter(task_path__endswith="note_unfollow").values_list(
                "worker_ids", flat=True
            )
        )
        left = Job.objects.exclude(status="SUCCESSFUL").count()
        print(
            f"{connection.vendor}, {workers} workers: {count / seconds:.0f} jobs a second with the start; runs of each job {dict(runs)}; left {left}"
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
