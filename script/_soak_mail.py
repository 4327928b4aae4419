"""The storm of script/soak-mail: follows, a mail server in a bad mood, and workers that are killed."""

import argparse
import random
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from _mail_trial import HOST, Letters, Server, make_people, named, set_up, start_worker

# An hour between two mails becomes three seconds, a day of retries becomes one minute.
PACE = 1200


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--follows", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60, help="how long the storm lasts")
    parser.add_argument("--port", type=int, default=10025)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser.parse_args()


class Storm:
    def __init__(self, chosen):
        self.chosen = chosen
        self.rng = random.Random(chosen.seed)
        self.calm = False
        self.kills = []
        self.people = make_people("person", chosen.people)
        gone = {person.email for person in self.people[:5]}
        self.letters = Letters(self.mood, gone)
        self.server = Server(self.letters, chosen.port)
        self.workers = []

    def mood(self, recipient):
        if self.calm or (chance := random.random()) >= 0.25:
            return None
        return "451 4.3.0 Later" if chance < 0.2 else "554 5.6.0 Not this"

    def blow(self):
        """Follow, kill and go away, all within the time of the storm."""
        threads = [threading.Thread(target=part) for part in (self.follow, self.kill, self.server_leaves)]
        self.workers = [self.worker() for _ in range(self.chosen.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def worker(self):
        return start_worker("--interval", "0.1")

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
            if number % 20 == 0:  # Some think better of it.
                self.people[one].unfollow(self.people[other])
        connection.close()

    def kill(self):
        moments = sorted(self.rng.uniform(2, self.chosen.seconds) for _ in range(self.chosen.kills))
        begin = time.monotonic()
        for moment in moments:
            time.sleep(max(0, begin + moment - time.monotonic()))
            index = self.rng.randrange(len(self.workers))
            self.workers[index].send_signal(signal.SIGKILL)
            self.kills.append(time.monotonic())
            self.workers[index].wait()
            self.workers[index] = self.worker()

    def server_leaves(self):
        time.sleep(self.chosen.seconds / 3)
        self.server.go()
        time.sleep(self.chosen.seconds / 6)
        self.server.come()

    def settle(self, patience):
        """Wait until nothing is left to do. Returns what still waits when patience ends."""
        end = time.monotonic() + patience
        while (left := waiting()) and time.monotonic() < end:
            time.sleep(0.5)
        return left

    def clear_up(self):
        """Let failed jobs try again, as somebody would who has mended the mail server."""
        from accounts.models import Job

        self.calm = True
        return sum(job.try_again() for job in Job.objects.failed())

    def end(self):
        for worker in self.workers:
            worker.terminate()
            worker.wait()
        self.server.go()


def waiting():
    from accounts.models import Delivery, FollowNotice, Job

    counts = {
        "jobs": Job.objects.filter(status__in=["READY", "RUNNING"])
        .exclude(task_path__endswith="sweep_accounts")
        .count(),
        "mails": Delivery.objects.filter(state="waiting").count(),
        "follows": FollowNotice.objects.filter(told_in="").count(),
    }
    return {name: count for name, count in counts.items() if count}


@dataclass
class Told:
    """What the mails about new followers have said, each counted once however often it came."""

    names: dict = field(default_factory=lambda: defaultdict(Counter))
    more: Counter = field(default_factory=Counter)
    # For each mail that came twice: the seconds from the first to the next kill, or None.
    twice: list = field(default_factory=list)


def what_was_told(storm):
    told, seen = Told(), {}
    for moment, recipient, message_id, body in follower_mails(storm):
        if message_id in seen:
            after = [kill - seen[message_id] for kill in storm.kills if kill >= seen[message_id]]
            told.twice.append(min(after, default=None))
            continue
        seen[message_id] = moment
        names, rest = named(body)
        told.names[recipient].update(names)
        told.more[recipient] += rest
    return told


def follower_mails(storm):
    return [letter for letter in storm.letters.kept if letter[2].startswith("<new_follower.")]


def count_lost(storm, told):
    """How many follows are in no mail, of those whose followed person can be reached."""
    from accounts.models import Follow

    lost = 0
    for person in storm.people:
        if person.email not in storm.letters.refused:
            owed = set(Follow.objects.filter(followed=person).values_list("follower__username", flat=True))
            lost += max(0, len(owed - told.names[person.email].keys()) - told.more[person.email])
    return lost


def judge(storm):
    """Print the figures and return the faults."""
    from accounts.models import Job, RefusedAddress

    told, gone, answers, kills = (
        what_was_told(storm),
        storm.letters.refused,
        storm.letters.answers,
        storm.kills,
    )
    lost, stuck, failed = count_lost(storm, told), waiting(), Job.objects.failed().count()
    named_twice = sum(count > 1 for names in told.names.values() for count in names.values())
    marked = set(RefusedAddress.objects.values_list("address", flat=True))
    print(f"answers of the server: {dict(answers)}; kills: {len(kills)}")
    print(
        f"mails accepted: {len(storm.letters.kept)}, of which about new followers: {len(follower_mails(storm))}"
    )
    print(f"follows in no mail: {lost}; people named in two mails: {named_twice}")
    print(f"mails accepted twice: {len(told.twice)}; seconds from the first to the next kill: {told.twice}")
    print(f"stuck: {stuck or 0}; failed jobs: {failed}; addresses refused and marked: {len(marked)}")
    faults = {
        "lost": lost,
        "named twice": named_twice,
        "stuck": stuck,
        "failed": failed,
        "sent twice": len(told.twice) > len(kills) or any(wait is None or wait > 1 for wait in told.twice),
        "refused ones not marked": not marked <= gone,
        "refused ones tried again": answers["550 for good"] > len(gone) + len(kills),
    }
    return [name for name, wrong in faults.items() if wrong]


def main():
    chosen = options()
    set_up(EMAIL_URL=f"smtp://{HOST}:{chosen.port}", OUTBOX_PACE=str(PACE))
    print(f"seed {chosen.seed}")
    begin = time.monotonic()
    storm = Storm(chosen)
    try:
        storm.blow()
        print(f"the storm is over after {time.monotonic() - begin:.0f} s; left: {waiting()}")
        storm.settle(300)
        print(f"failed jobs that try again: {storm.clear_up()}")
        storm.settle(300)
        faults = judge(storm)
    finally:
        storm.end()
    print(
        f"{time.monotonic() - begin:.0f} s. " + (f"Faults: {', '.join(faults)}" if faults else "No faults.")
    )
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
