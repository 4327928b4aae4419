"""One trial: a site on one engine, its crowd, and one fault after another."""

import signal
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from _faults.catalogue import SHORT, by_name
from _faults.crowd import PAGES, Crowd
from _faults.engines import ENGINES
from _faults.growth import Sampler
from _faults.processes import Skipped, TrialError, marked, send, wait_until
from _faults.services import MailServer, Redis
from _faults.site import Site

ACROSS_A_BLOCK = (
    "SELECT count(*) FROM accounts_follow f JOIN accounts_block b ON (f.follower_id = b.blocker_id "
    "AND f.followed_id = b.blocked_id) OR (f.follower_id = b.blocked_id AND f.followed_id = b.blocker_id)"
)
UNFINISHED = (
    "SELECT task_path, status FROM django_tasks_database_dbtaskresult "
    "WHERE status IN ('READY', 'RUNNING') AND enqueued_at < '{before}'"
)
# Emails that the jobs still have to make or to send. A job that makes or postpones one enqueues another job.
WAITING = (
    "SELECT 'notification in no email', type FROM accounts_notification WHERE emailed_in = '' "
    "UNION ALL SELECT 'email', type FROM accounts_delivery WHERE state = 'waiting'"
)


@dataclass(frozen=True)
class Form:
    """The duration of a trial, its load, and its tolerances for slow machines."""

    minutes: float
    clients: int
    pause: float  # seconds between the requests of a client
    pace: int  # the number by which the delays of retries and periodic tasks are divided
    faults: int
    quiet: float  # seconds between faults
    leaves: int
    blocks: int
    settle: float  # seconds that jobs have to finish at the end
    margin: float  # seconds by which a response or a recovery may exceed its limit
    slow: float  # seconds after which a 503 is blamed on a slow machine, because the site ends requests that take too long
    is_brief: bool  # whether the trial is too short to judge memory


LONG = Form(
    minutes=20,
    clients=4,
    pause=0.2,
    pace=600,
    faults=25,
    quiet=8,
    leaves=50,
    blocks=100,
    settle=240,
    margin=1,
    slow=inf,
    is_brief=False,
)
BRIEF = Form(
    minutes=0,
    clients=3,
    pause=0.1,
    pace=2400,
    faults=5,
    quiet=1,
    leaves=3,
    blocks=5,
    settle=90,
    margin=8,
    slow=5,
    is_brief=True,
)


@dataclass
class Episode:
    """One fault that was tried, and its result."""

    fault: object
    began: float
    ended: float = 0.0
    skipped: str = ""
    problem: str = ""

    @property
    def name(self):
        return self.fault.name()


class Trial:
    def __init__(self, engine, form, rng, scratch, chosen=()):
        self.form, self.rng, self.scratch = form, rng, scratch
        self.engine = ENGINES[engine](scratch)
        self.redis = Redis(scratch)
        self.mail = MailServer()
        self.site = Site(scratch, self.engine, self.redis, self.mail, form.pace)
        self.crowd = Crowd(self.site, self.mail, rng, form.clients, form.pause)
        self.sampler = Sampler(self.site, self.engine)
        self.plan = [known(engine)[name] for name in chosen] or draw(engine, form, rng)
        self.episodes = []
        self.race_leaves = []
        self.across_blocks = 0
        self.backup = None  # (file, began, ended)
        self.start_seconds = 0.0
        self.calm_since = self.at_rest_since = 0.0
        self.unfinished = []
        self.waiting = []

    @contextmanager
    def running(self):
        """Start everything, and always stop it at the end."""
        with ExitStack() as stack:
            stack.callback(self.kill_remaining)
            for service in (self.engine, self.redis, self.mail):
                stack.callback(service.stop)
                service.start()
            stack.callback(self.site.stop)
            begin = time.monotonic()
            self.site.start()
            self.start_seconds = time.monotonic() - begin
            yield

    def kill_remaining(self):
        send(marked(str(self.scratch)), signal.SIGKILL)

    def run(self):
        """Try all faults, keep the site under load until the end of the trial, and wait until the site is idle."""
        begin = time.monotonic()
        self.crowd.sign_up_regulars()
        self.sampler.start()
        self.crowd.start()
        time.sleep(self.form.quiet)
        for fault in self.plan:
            self.try_fault(fault(self))
        self.calm_since = time.monotonic()
        print("  under load, without faults", flush=True)
        time.sleep(max(0, begin + self.form.minutes * 60 - time.monotonic()))
        self.crowd.stop()
        self.sampler.stop()
        print("  waiting for the jobs", flush=True)
        self.settle(self.form.settle)
        self.at_rest_since = time.monotonic()
        self.sampler.sample()

    def try_fault(self, fault):
        episode = Episode(fault, time.monotonic())
        self.episodes.append(episode)
        try:
            fault.check()
        except Skipped as reason:
            episode.skipped = str(reason)
            print(f"  {fault.name()}: skipped, because {reason}", flush=True)
            return
        print(f"  {fault.name()}", end="", flush=True)
        try:
            try:
                fault.begin()
                time.sleep(self.seconds_of(fault))
            finally:
                # If the fault restarts the site, the start is part of the recovery.
                episode.ended = time.monotonic()
                fault.end()
                if not fault.restarts_site:
                    episode.ended = time.monotonic()
        except Exception as error:  # The other faults can still be tried.
            episode.problem = f"{type(error).__name__}: {error}"
        self.probe(episode)
        print(f" ({episode.ended - episode.began:.0f} s)", flush=True)

    def seconds_of(self, fault):
        return min(fault.seconds, fault.brief_seconds) if self.form.is_brief else fault.seconds

    def probe(self, episode):
        """Keep opening all pages as the observer until the next fault."""
        until = max(episode.ended, time.monotonic() - 1) + self.form.quiet
        while time.monotonic() < until:
            for page in PAGES:
                self.crowd.observer.read(page)
            time.sleep(0.2)

    def settle(self, within):
        """Wait until all existing jobs are done and all emails are sent. Set `unfinished` and `waiting` to what is left."""
        query = UNFINISHED.format(before=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}+00")

        def look():
            # Emails come second: a job that ends before the first query may enqueue an email.
            self.unfinished = self.engine.rows(query)
            self.waiting = self.engine.rows(WAITING)
            return not self.unfinished and not self.waiting

        with suppress(TrialError):
            wait_until(look, within, "the jobs are done")

    def back_up(self):
        file, begin = self.scratch / "backup", time.monotonic()
        self.site.manage("backup", file)
        self.backup = file, begin, time.monotonic()

    def race(self):
        """Make members leave and block each other while others follow and post."""
        racers = [self.crowd.new_member("racer") for _ in range(4)]
        for racer in racers:
            racer.sign_up()
        for number in range(self.form.leaves):
            self._leave_in_a_race(racers, number)
        for _number in range(self.form.blocks):
            at_once(lambda: racers[0].follow(racers[1]), lambda: racers[1].block(racers[0]))
            self.across_blocks += bool(self.engine.rows(ACROSS_A_BLOCK)[0][0])
            racers[1].block(racers[0], on=False)

    def _leave_in_a_race(self, racers, number):
        leaver = self.crowd.new_member("leaver")
        if not leaver.sign_up():
            return
        racers[0].follow(leaver)
        at_once(
            lambda: self.race_leaves.append(leaver.leave()),
            lambda: racers[0].follow(leaver, on=False),
            lambda: racers[1].follow(leaver),
            lambda: racers[2].block(leaver),
            lambda: racers[3].post(f"race-{number}"),
        )


def at_once(*actions):
    """Run the actions in threads that start at the same time, and wait for all of them."""
    barrier = threading.Barrier(len(actions))

    def act(action):
        barrier.wait()
        action()

    threads = [threading.Thread(target=act, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def known(engine):
    return by_name(engine)


def draw(engine, form, rng):
    """Return the faults of a trial in order. A long trial has each fault at least once."""
    if form.is_brief:
        return SHORT[engine]
    faults = list(known(engine).values())
    faults += rng.choices(faults, k=max(0, form.faults - len(faults)))
    rng.shuffle(faults)
    return faults
