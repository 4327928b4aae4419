"""What a trial has shown: each bar, what was measured, and what to look at if it was missed."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from _mail_trial import named

from _faults.growth import MOST_MB
from _faults.processes import TrialError
from _faults.promises import Promises, State, pairs_in
from _faults.trial import ACROSS_A_BLOCK, Episode

LONGEST_RECOVERY = 5.0
LONGEST_ANSWER = 10.0
# Time for the trial's own signals to arrive.
AROUND = 1.0
SHOWN = 8


@dataclass
class Verdict:
    what: str
    value: object
    bar: str
    passed: bool
    details: list = field(default_factory=list)


class Judge:
    def __init__(self, trial):
        self.trial, self.crowd, self.engine = trial, trial.crowd, trial.engine
        self.margin = trial.form.margin
        self.answers = sorted(self.crowd.answers, key=lambda answer: answer.began)
        self.episodes = [episode for episode in trial.episodes if not episode.skipped]

    def verdicts(self):
        """Return all Verdicts. The site still runs when the first are made, and has stopped after the last."""
        found = [
            self.faults(),
            *self.acknowledged(),
            self.errors(),
            self.longest(),
            self.recovery(),
            self.leaves(),
            self.blocks(),
            *self.emails(),
            self.jobs(),
            *self.notices(),
            self.audit(),
            self.backup(),
        ]
        if not self.trial.form.is_brief:
            found += [self.memory(), self.growth()]
        found.append(self.orphans())
        return found

    # Faults

    def faults(self):
        problems = [f"{episode.name}: {episode.problem}" for episode in self.episodes if episode.problem]
        value = f"{len(self.episodes)}, {len(problems)} with a problem"
        return Verdict("faults", value, "0 with a problem", not problems, problems)

    def bar_of(self, episode):
        """In how many seconds all pages must work after the end of a fault."""
        start = self.trial.start_seconds if episode.fault.restarts_site else 0
        return LONGEST_RECOVERY + self.margin + start

    def during(self, answer):
        """Return the episodes that explain a failure at the time of the answer."""
        return [
            episode
            for episode in self.episodes
            if answer.ended >= episode.began - AROUND and answer.began <= episode.ended + self.bar_of(episode)
        ]

    def name_of(self, answer):
        return ", ".join(episode.name for episode in self.during(answer)) or "no fault"

    # Answers

    def is_wrong(self, answer):
        """Whether an answer is an error of the site: nothing that went on allowed it."""
        faults = [episode.fault for episode in self.during(answer)]
        if answer.error:
            return not any(fault.refuses for fault in faults)
        if answer.status == 503 and answer.retry_after:
            return not (self.is_out_of_time(answer) or any(fault.unavailable for fault in faults))
        return answer.status >= 500 or answer.status == 400

    def is_out_of_time(self, answer):
        return answer.status == 503 and answer.seconds > self.trial.form.slow

    def errors(self):
        wrong = [answer for answer in self.answers if self.is_wrong(answer)]
        counts = Counter((self.name_of(answer), answer.error or answer.status) for answer in wrong)
        details = [f"{times} x {what} in {name}" for (name, what), times in counts.most_common()]
        for answer in wrong[:SHOWN]:
            details.append(f"{answer} in {self.name_of(answer)}")
            details += [f"    {line}" for line in self.log_of(answer)[-1:]]
        value = f"{len(wrong)} of {len(self.answers)}"
        return Verdict(
            "wrong answers: 500, 503 without Retry-After or reason, refused", value, "0", not wrong, details
        )

    def log_of(self, answer):
        """Return the ends of the tracebacks that the site has logged about a request, on one line each."""
        begin = answer.moment - timedelta(seconds=1)
        end = answer.moment + timedelta(seconds=answer.seconds + 1)
        return [
            " | ".join(entry["exception"].strip().splitlines()[-6:])
            for entry in self.log
            if entry.get("request") == f"{answer.method} {answer.path}"
            and "exception" in entry
            and begin <= datetime.fromisoformat(entry["timestamp"]) <= end
        ]

    @cached_property
    def log(self):
        """The structured lines of the site's log."""
        with self.trial.site.log.open(errors="replace") as file:
            return [json.loads(line) for line in file if line.startswith("{")]

    def longest(self):
        bounded = [answer for answer in self.answers if all(e.fault.longest for e in self.during(answer))]
        slow = [answer for answer in bounded if answer.seconds > self.bound_of(answer)]
        longest = max((answer.seconds for answer in bounded), default=0)
        details = [f"{answer} in {self.name_of(answer)}" for answer in slow[:SHOWN]]
        bar = f"{LONGEST_ANSWER:.0f} s + {self.margin} s"
        return Verdict(
            "longest answer, but for a frozen PostgreSQL", f"{longest:.1f} s", bar, not slow, details
        )

    def bound_of(self, answer):
        """In how many seconds an answer must come. While the site starts, connections are accepted, and wait for it."""
        restarted = any(episode.fault.restarts_site for episode in self.during(answer))
        return max(LONGEST_ANSWER, self.trial.start_seconds if restarted else 0) + self.margin

    def recovered(self, episode):
        """Return the seconds from the end of a fault to the end of the last failure between it and the next fault."""
        until = self.next_began(episode)
        failed = [a.ended for a in self.answers if a.failed and episode.ended <= a.began and a.ended < until]
        return max(failed, default=episode.ended) - episode.ended

    def next_began(self, episode):
        """Return when the next fault began; after the last one, now."""
        later = [other.began for other in self.episodes if other.began > episode.began]
        return min(later, default=time.monotonic())

    def recovery(self):
        slow = [e for e in self.episodes if self.recovered(e) > self.bar_of(e)]
        longest = max(map(self.recovered, self.episodes), default=0)
        details = [f"{e.name}: {self.recovered(e):.1f} s" for e in slow]
        start = f"a start takes {self.trial.start_seconds:.1f} s more"
        bar = f"{LONGEST_RECOVERY:.0f} s + {self.margin} s; {start}"
        return Verdict("until all pages work after a fault", f"{longest:.1f} s", bar, not slow, details)

    # Writes

    def acknowledged(self):
        state, promises = State(self.engine), Promises(self.crowd.ledger)
        lost = promises.broken(state) + self.lost_passwords() + self.lost_pictures()
        value = f"{len(lost)} of {self.crowd.ledger.acknowledged()}"
        yield Verdict("acknowledged writes lost", value, "0", not lost, lost)
        twice = state.posted_twice
        yield Verdict("posts stored twice", len(twice), "0", not twice, twice)

    def lost_passwords(self):
        return [f"{one.username} cannot log in" for one in self.crowd.regulars() if not one.log_in()]

    def lost_pictures(self):
        keys = [key for (key,) in self.engine.rows("SELECT picture FROM accounts_user WHERE picture <> ''")]
        return [f"picture {key}" for key in keys if not list(self.trial.site.media.glob(f"**/{key}-*.webp"))]

    def leaves(self):
        # In no fault, everybody leaves at the first try.
        tried = [
            answer
            for answer in self.crowd.leaves
            if not any(e.fault.unavailable for e in self.during(answer))
        ]
        tried = [answer for answer in tried if not answer.error and not self.is_out_of_time(answer)]
        failed = [str(answer) for answer in tried if not answer.is_stored]
        value = f"{len(tried) - len(failed)} of {len(tried)} ({len(self.trial.race_leaves)} of them in races)"
        return Verdict("leaves that succeed while others act", value, "all", not failed, failed)

    def blocks(self):
        now = self.engine.rows(ACROSS_A_BLOCK)[0][0]
        count = now + self.trial.across_blocks
        return Verdict("follows across a block", count, "0", not count)

    # Emails and jobs

    def emails(self):
        kept = list(self.trial.mail.letters.kept)
        first, twice = {}, []
        for moment, _recipient, message_id, _body in kept:
            if message_id in first and not self.explains_repetition(first[message_id]):
                twice.append(message_id)
            first.setdefault(message_id, moment)
        yield Verdict(
            "emails sent twice without a lost worker or database", len(twice), "0", not twice, twice
        )
        lost = [*self.lost_deliveries(first), *self.lost_resets(kept), *self.untold_follows(kept)]
        yield Verdict("emails lost", f"{len(lost)}; {len(first)} sent", "0", not lost, lost)

    def explains_repetition(self, moment):
        return any(
            e.fault.repeats_email and e.began - AROUND <= moment <= e.ended + self.bar_of(e)
            for e in self.episodes
        )

    def lost_deliveries(self, sent):
        rows = self.engine.rows("SELECT id, kind, state FROM accounts_delivery")
        for pk, kind, state in rows:
            message_id = f"<{kind}.{pk}@localhost>"
            if state not in ("sent", "skipped") or (state == "sent" and message_id not in sent):
                yield f"{message_id} is {state}"

    def lost_resets(self, kept):
        came = Counter(letter[1] for letter in kept if "/password/reset/key/" in letter[3])
        owed = Counter(
            key[1] for key in self.crowd.ledger.keys("reset") if None not in self.crowd.ledger.allowed(key)
        )
        for username, times in owed.items():
            if came[f"{username}@example.org"] < times:
                yield f"{username} asked {times} times for a link and got {came[f'{username}@example.org']}"

    def untold_follows(self, kept):
        told = {(name, letter[1]) for letter in kept for name in named(letter[3])[0]}
        summed_up = {letter[1] for letter in kept if named(letter[3])[1]}
        for follower, followed in self.engine.rows(pairs_in("accounts_follow", "follower", "followed")):
            address = f"{followed}@example.org"
            if (follower, address) not in told and address not in summed_up:
                yield f"@{followed} was not told of @{follower}"

    def jobs(self):
        failed = self.engine.rows(
            "SELECT task_path, exception_class_path FROM django_tasks_database_dbtaskresult WHERE status = 'FAILED'"
        )
        stuck = self.trial.unfinished
        details = [f"{times} x {job}" for job, times in Counter(map(str, [*failed, *stuck])).items()]
        value = f"{len(stuck)} unfinished, {len(failed)} failed"
        return Verdict("jobs", value, "none", not details, details)

    def notices(self):
        for kind in ("logged out", "text not given back"):
            found = [words for _moment, what, words in self.crowd.notices if what == kind]
            yield Verdict(kind, len(found), "0", not found, found)

    # Commands

    def audit(self):
        return self._command("violations found by manage.py audit", "none", "audit")

    def backup(self):
        what, bar = "restored backup holds what was acknowledged before", "everything"
        if self.trial.backup is None:
            return Verdict(what, "no backup was made", bar, True)
        file, began, ended = self.trial.backup
        self.engine.add_copy()
        restored = self._command(what, bar, "restore", file, DATABASE_URL=self.engine.copy_url)
        if restored.passed:
            lost = Promises(self.crowd.ledger, began, ended).broken(State(self.engine, copy=True))
            restored = Verdict(what, f"{len(lost)} lost", bar, not lost, lost)
        return restored

    def _command(self, what, bar, *words, **changes):
        try:
            self.trial.site.manage(*words, **changes)
        except TrialError as error:
            return Verdict(what, "the command failed", bar, False, [str(error)])
        return Verdict(what, "none", bar, True)

    # Growth

    def memory(self):
        def megabytes(since):
            return [series for series in self.trial.sampler.since(since) if series.unit == "MB"]

        at_rest, peak = megabytes(self.trial.at_rest_since), max(series.highest for series in megabytes(0))
        large = [f"{series.what}: {series.last:.0f} MB" for series in at_rest if series.last > MOST_MB]
        value = f"{max(series.last for series in at_rest):.0f} MB (under load {peak:.0f} MB)"
        return Verdict("memory of a process after the load", value, f"{MOST_MB:.0f} MB", not large, large)

    def growth(self):
        figures = [(s, *s.growth()) for s in self.trial.sampler.since(self.trial.calm_since) if s.growth()]
        if not figures:
            return Verdict("growth in the calm part", "too short to tell", "none beyond noise", True)
        grown = [figure for figure in figures if figure[1] > figure[2]]
        details = [f"{s.what}: {growth:+.1f} {s.unit}, noise {noise:.1f}" for s, growth, noise in grown]
        value = f"{len(grown)} of {len(figures)} series grow"
        return Verdict("growth in the calm part", value, "none beyond noise", not grown, details)

    def orphans(self):
        left = self.trial.site.stop()
        return Verdict("processes left by a stopped site", len(left), "0", not left, list(map(str, left)))

    def table(self):
        """Return what is shown of each fault: name, seconds, answers, 503s, wrong ones, the longest, recovery."""
        for episode in self.trial.episodes:
            yield self.row(episode)

    def row(self, episode: Episode):
        if episode.skipped:
            return {"fault": episode.name, "skipped": episode.skipped}
        until = self.next_began(episode)
        answers = [answer for answer in self.answers if episode.began <= answer.began < until]
        return {
            "fault": episode.name,
            "seconds": round(episode.ended - episode.began, 1),
            "answers": len(answers),
            "503": sum(answer.status == 503 for answer in answers),
            "refused": sum(bool(answer.error) for answer in answers),
            "wrong": sum(map(self.is_wrong, answers)),
            "longest": round(max((answer.seconds for answer in answers), default=0), 1),
            "recovery": round(self.recovered(episode), 1),
            "problem": episode.problem,
        }
