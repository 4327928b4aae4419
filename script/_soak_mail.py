"""The trial of script/soak-mail: follows, a mail server that fails from time to time, and workers that are killed."""

import argparse
import random
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from _mail_trial import HOST, Inbox, Server, make_people, read_followers, set_up, start_worker

# The workers' delays are divided by this number, so an hour between two emails becomes three seconds.
FASTER = 1200


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--follows", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument(
        "--seconds", type=float, default=60, help="how long people follow and workers are killed"
    )
    parser.add_argument("--port", type=int, default=10025)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser.parse_args()


class Trial:
    def __init__(self, chosen):
        self.chosen = chosen
        self.rng = random.Random(chosen.seed)
        self.is_calm = False
        self.kills = []
        self.people = make_people("person", chosen.people)
        missing = {person.email for person in self.people[:5]}
        self.inbox = Inbox(self.reply, missing)
        self.server = Server(self.inbox, chosen.port)
        self.workers = []

    def reply(self, recipient):
        """Return an SMTP error for one email in four, until the trial is calm."""
        if self.is_calm or (chance := random.random()) >= 0.25:
            return None
        return "451 4.3.0 Later" if chance < 0.2 else "554 5.6.0 Not this"

    def run(self):
        """Create follows, kill workers and stop the mail server, all at the same time."""
        threads = [threading.Thread(target=part) for part in (self.follow, self.kill, self.stop_server)]
        self.workers = [self.start_worker() for _ in range(self.chosen.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def start_worker(self):
        return start_worker("--interval", "0.1", faster=FASTER)

    def follow(self):
        from django.db import connection

        pairs = set()
        while len(pairs) < self.chosen.follows:
            pairs.add(tuple(self.rng.sample(range(len(self.people)), 2)))
        step = self.chosen.seconds / len(pairs)
        begin = time.monotonic()
        for number, (one, other) in enumerate(sorted(pairs, key=lambda pair: self.rng.random())):
            time.sleep(max(0, begin + number * step - time.monotonic()))
            self.people[one].follow(self.people[other])
            if number % 20 == 0:  # Some people unfollow again.
                self.people[one].unfollow(self.people[other])
        connection.close()

    def kill(self):
        times = sorted(self.rng.uniform(2, self.chosen.seconds) for _ in range(self.chosen.kills))
        begin = time.monotonic()
        for seconds in times:
            time.sleep(max(0, begin + seconds - time.monotonic()))
            index = self.rng.randrange(len(self.workers))
            self.workers[index].send_signal(signal.SIGKILL)
            self.kills.append(time.monotonic())
            self.workers[index].wait()
            self.workers[index] = self.start_worker()

    def stop_server(self):
        time.sleep(self.chosen.seconds / 3)
        self.server.stop()
        time.sleep(self.chosen.seconds / 6)
        self.server.start()

    def settle(self, patience):
        """Wait until nothing is left to do. Returns the counts of anything still waiting after `patience` seconds."""
        end = time.monotonic() + patience
        while (left := unfinished()) and time.monotonic() < end:
            time.sleep(0.5)
        return left

    def clear_up(self):
        """Retry failed jobs, as an operator would after fixing the mail server. Returns the number of jobs."""
        from accounts.jobs.models import Job

        self.is_calm = True
        return sum(job.retry() for job in Job.objects.failed())

    def end(self):
        for worker in self.workers:
            worker.terminate()
            worker.wait()
        self.server.stop()


def unfinished():
    """Return the counts of waiting jobs, emails and notifications. The result is empty if nothing is waiting."""
    from accounts.emails.models import Delivery
    from accounts.jobs import periodic
    from accounts.jobs.models import Job
    from accounts.notifications.models import Notification

    names = [task.name for task in periodic.all_periodic_tasks()]
    counts = {
        "jobs": Job.objects.filter(status__in=["READY", "RUNNING"]).exclude(task_path__in=names).count(),
        "emails": Delivery.objects.filter(state="waiting").count(),
        "notifications": Notification.objects.waiting().count(),
    }
    return {name: count for name, count in counts.items() if count}


@dataclass
class Announced:
    """The content of the emails about new followers. An email that arrived twice counts once."""

    names: dict = field(default_factory=lambda: defaultdict(Counter))
    more: Counter = field(default_factory=Counter)
    # For each email that arrived twice: the seconds from its first arrival to the next kill, or None.
    twice: list = field(default_factory=list)


def read_emails(trial):
    announced, arrivals = Announced(), {}
    for arrived, recipient, message_id, body in follower_emails(trial):
        if message_id in arrivals:
            after = [kill - arrivals[message_id] for kill in trial.kills if kill >= arrivals[message_id]]
            announced.twice.append(min(after, default=None))
            continue
        arrivals[message_id] = arrived
        names, more = read_followers(body)
        announced.names[recipient].update(names)
        announced.more[recipient] += more
    return announced


def follower_emails(trial):
    return [email for email in trial.inbox.received if email[2].startswith("<new_follower.")]


def count_lost(trial, announced):
    """Return how many follows of people with existing addresses were not announced in any email."""
    from accounts.models import Follow

    lost = 0
    for person in trial.people:
        if person.email not in trial.inbox.missing:
            follows = Follow.objects.filter(followed=person)
            expected = set(follows.values_list("follower__username", flat=True))
            unnamed = len(expected - announced.names[person.email].keys())
            lost += max(0, unnamed - announced.more[person.email])
    return lost


def judge(trial):
    """Print the figures and return a list of what went wrong."""
    from accounts.emails.models import SuppressedAddress
    from accounts.jobs.models import Job

    announced, missing, replies, kills = (
        read_emails(trial),
        trial.inbox.missing,
        trial.inbox.replies,
        trial.kills,
    )
    lost, stuck, failed = count_lost(trial, announced), unfinished(), Job.objects.failed().count()
    named_twice = sum(count > 1 for names in announced.names.values() for count in names.values())
    suppressed = set(SuppressedAddress.objects.values_list("address", flat=True))
    print(f"replies of the server: {dict(replies)}; kills: {len(kills)}")
    print(
        f"emails accepted: {len(trial.inbox.received)}, {len(follower_emails(trial))} of them about new followers"
    )
    print(f"follows in no email: {lost}; people named in two emails: {named_twice}")
    print(
        f"emails accepted twice: {len(announced.twice)}; seconds from the first to the next kill: {announced.twice}"
    )
    print(f"stuck: {stuck or 0}; failed jobs: {failed}; suppressed addresses: {len(suppressed)}")
    faults = {
        "lost": lost,
        "named twice": named_twice,
        "stuck": stuck,
        "failed": failed,
        "sent twice": len(announced.twice) > len(kills)
        or any(wait is None or wait > 1 for wait in announced.twice),
        "wrong addresses suppressed": not suppressed <= missing,
        "sent to suppressed addresses": replies["550 for good"] > len(missing) + len(kills),
    }
    return [name for name, is_wrong in faults.items() if is_wrong]


def main():
    chosen = options()
    set_up(EMAIL_URL=f"smtp://{HOST}:{chosen.port}")
    print(f"seed {chosen.seed}")
    begin = time.monotonic()
    trial = Trial(chosen)
    try:
        trial.run()
        print(f"all follows after {time.monotonic() - begin:.0f} s; unfinished: {unfinished()}")
        trial.settle(300)
        print(f"failed jobs that are retried: {trial.clear_up()}")
        trial.settle(300)
        faults = judge(trial)
    finally:
        trial.end()
    print(
        f"{time.monotonic() - begin:.0f} s. " + (f"Faults: {', '.join(faults)}" if faults else "No faults.")
    )
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
