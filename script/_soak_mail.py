"""The trial of script/soak-mail: people follow, reply, mention and like, a mail server fails from time to time, and workers are
killed."""

import argparse
import random
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from _mail_trial import (
    HOST,
    Inbox,
    Server,
    make_people,
    read_followers,
    read_likes,
    read_posts,
    set_up,
    start_worker,
)

# The workers' delays are divided by this number, so an hour between two emails becomes three seconds.
FASTER = 1200
# How to read the emails of each type. A post is in one email, whether it replies to someone or mentions them.
READERS = {
    "new_follower": ("follows", read_followers),
    "reply": ("posts", read_posts),
    "mention": ("posts", read_posts),
    "like": ("likes", read_likes),
}


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--follows", type=int, default=2000)
    parser.add_argument(
        "--posts", type=int, default=500, help="most of them reply or mention; people like as many"
    )
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
        """Create follows, posts and likes, kill workers and stop the mail server, all at the same time."""
        self.choose_likes()
        parts = (self.follow, self.write, self.kill, self.stop_server)
        threads = [threading.Thread(target=part) for part in parts]
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

    def choose_likes(self):
        """Make everyone get emails about likes, which are off by default."""
        from accounts.notifications import digests, types

        for person in self.people:
            digests.choose(person, types.get("like"), types.Frequency.AT_ONCE)

    def write(self):
        """Publish posts. Most reply to earlier ones or mention people, and each time someone likes one of the latest."""
        from django.db import connection

        from posts.models import Post

        rng, begin, posts = random.Random(self.chosen.seed), time.monotonic(), []
        for number in range(self.chosen.posts):
            time.sleep(max(0, begin + number * self.chosen.seconds / self.chosen.posts - time.monotonic()))
            author, other, liker = rng.choices(self.people, k=3)
            post = Post(author=author, content=f"text-{author.username}-{number} is a text")
            if posts and rng.random() < 0.7:
                post.in_reply_to = rng.choice(posts[-20:])
            if rng.random() < 0.5:
                post.content += f" for @{other.username}"
            post.publish()
            posts.append(post)
            liked = rng.choice(posts[-20:])
            liked.like(liker)
            if number % 20 == 0:  # Some people change their minds.
                liked.unlike(liker)
                posts.remove(liked)
                liked.delete()
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
    """What the emails of one kind told each address. An email that arrived twice counts once."""

    names: dict = field(default_factory=lambda: defaultdict(Counter))
    more: Counter = field(default_factory=Counter)


def read_emails(trial):
    """Return a dict of the Announced of each kind, and a list with an item for each email that arrived twice.

    The item is the number of seconds from its first arrival to the next kill, or None.
    """
    announced, arrivals, twice = defaultdict(Announced), {}, []
    for arrived, recipient, message_id, body in trial.inbox.received:
        if message_id in arrivals:
            after = [kill - arrivals[message_id] for kill in trial.kills if kill >= arrivals[message_id]]
            twice.append(min(after, default=None))
            continue
        arrivals[message_id] = arrived
        if reader := READERS.get(message_id.removeprefix("<").partition(".")[0]):
            kind, read = reader
            names, more = read(body)
            announced[kind].names[recipient].update(names)
            announced[kind].more[recipient] += more
    return announced, twice


def expected():
    """Return what emails must have told each address: {kind: {address: {name}}}."""
    from django.db.models import F

    from accounts.models import Follow
    from posts.models import Like, Mention, Post

    def first_word(content):
        return content.split()[0]

    found = {"follows": defaultdict(set), "posts": defaultdict(set), "likes": defaultdict(set)}
    for address, follower in Follow.objects.values_list("followed__email", "follower__username"):
        found["follows"][address].add(follower)
    replies = Post.objects.exclude(in_reply_to_author=None).exclude(in_reply_to_author=F("author"))
    mentions = Mention.objects.exclude(person=F("post__author"))
    for address, content in [
        *replies.values_list("in_reply_to_author__email", "content"),
        *mentions.values_list("person__email", "post__content"),
    ]:
        found["posts"][address].add(first_word(content))
    likes = Like.objects.exclude(member=F("post__author"))
    for address, liker, content in likes.values_list(
        "post__author__email", "member__username", "post__content"
    ):
        found["likes"][address].add((liker, first_word(content)))
    return found


def count_lost(wanted, announced, missing):
    """Return how many names in `wanted`, {address: {name}}, no email told an existing address."""
    return sum(
        max(0, len(names - announced.names[address].keys()) - announced.more[address])
        for address, names in wanted.items()
        if address not in missing
    )


def judge(trial):
    """Print the figures and return a list of what went wrong."""
    from accounts.emails.models import SuppressedAddress
    from accounts.jobs.models import Job

    (announced, twice), wanted = read_emails(trial), expected()
    missing, replies, kills = trial.inbox.missing, trial.inbox.replies, trial.kills
    lost = {kind: count_lost(wanted[kind], announced[kind], missing) for kind in wanted}
    named_twice = {
        kind: sum(count > 1 for names in announced[kind].names.values() for count in names.values())
        for kind in wanted
    }
    stuck, failed = unfinished(), Job.objects.failed().count()
    suppressed = set(SuppressedAddress.objects.values_list("address", flat=True))
    print(f"replies of the server: {dict(replies)}; kills: {len(kills)}")
    print(
        f"emails accepted: {len(trial.inbox.received)}; types: "
        f"{dict(Counter(email[2][1:].partition('.')[0] for email in trial.inbox.received))}"
    )
    print(f"to tell: { {kind: sum(map(len, names.values())) for kind, names in wanted.items()} }")
    print(f"in no email: {lost}; in two emails: {named_twice}")
    print(f"emails accepted twice: {len(twice)}; seconds from the first to the next kill: {twice}")
    print(f"stuck: {stuck or 0}; failed jobs: {failed}; suppressed addresses: {len(suppressed)}")
    faults = {
        "lost": any(lost.values()),
        "told twice": any(named_twice.values()),
        "stuck": stuck,
        "failed": failed,
        "sent twice": len(twice) > len(kills) or any(wait is None or wait > 1 for wait in twice),
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
        print(f"everything done after {time.monotonic() - begin:.0f} s; unfinished: {unfinished()}")
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
