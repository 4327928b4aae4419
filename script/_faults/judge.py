"""Evaluates a trial. For each bar, it reports the measured value, and details if the bar was missed."""

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from _mail_trial import read_followers, read_posts

from _faults.growth import MAX_MB
from _faults.processes import TrialError
from _faults.promises import MENTIONS, REPLIES, Promises, State, author_of, pairs_in
from _faults.trial import ACROSS_A_BLOCK, Episode

LONGEST_RECOVERY = 5.0
LONGEST_RESPONSE = 10.0
# The trial's own signals may take this many seconds to arrive.
TOLERANCE = 1.0
DETAILS_SHOWN = 8


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
        self.responses = sorted(self.crowd.responses, key=lambda response: response.began)
        self.episodes = [episode for episode in trial.episodes if not episode.skipped]

    def verdicts(self):
        """Return all Verdicts. The last one stops the site."""
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
        """Return the number of seconds after the end of a fault within which all pages must work again."""
        start = self.trial.start_seconds if episode.fault.restarts_site else 0
        return LONGEST_RECOVERY + self.margin + start

    def during(self, response):
        """Return the episodes that can explain a failure of this response."""
        return [
            episode
            for episode in self.episodes
            if response.ended >= episode.began - TOLERANCE
            and response.began <= episode.ended + self.bar_of(episode)
        ]

    def name_of(self, response):
        return ", ".join(episode.name for episode in self.during(response)) or "no fault"

    # Responses

    def is_wrong(self, response):
        """Return whether the response is an error of the site that no fault allows."""
        faults = [episode.fault for episode in self.during(response)]
        if response.error:
            return not any(fault.refuses for fault in faults)
        if response.status == 503 and response.retry_after:
            return not (self.is_out_of_time(response) or any(fault.unavailable for fault in faults))
        return response.status >= 500 or response.status == 400

    def is_out_of_time(self, response):
        return response.status == 503 and response.seconds > self.trial.form.slow

    def errors(self):
        wrong = [response for response in self.responses if self.is_wrong(response)]
        counts = Counter((self.name_of(response), response.error or response.status) for response in wrong)
        details = [f"{times} x {what} in {name}" for (name, what), times in counts.most_common()]
        for response in wrong[:DETAILS_SHOWN]:
            details.append(f"{response} in {self.name_of(response)}")
            details += [f"    {line}" for line in self.log_of(response)[-1:]]
        value = f"{len(wrong)} of {len(self.responses)}"
        return Verdict(
            "wrong responses: 500, 503 without Retry-After or reason, refused", value, "0", not wrong, details
        )

    def log_of(self, response):
        """Return the last lines of the tracebacks that the site has logged for a request, each on one line."""
        begin = response.time - timedelta(seconds=1)
        end = response.time + timedelta(seconds=response.seconds + 1)
        return [
            " | ".join(entry["exception"].strip().splitlines()[-6:])
            for entry in self.log
            if entry.get("request") == f"{response.method} {response.path}"
            and "exception" in entry
            and begin <= datetime.fromisoformat(entry["timestamp"]) <= end
        ]

    @cached_property
    def log(self):
        """The structured entries of the site's log."""
        with self.trial.site.log.open(errors="replace") as file:
            return [json.loads(line) for line in file if line.startswith("{")]

    def longest(self):
        bounded = [
            response for response in self.responses if all(e.fault.longest for e in self.during(response))
        ]
        slow = [response for response in bounded if response.seconds > self.bound_of(response)]
        longest = max((response.seconds for response in bounded), default=0)
        details = [f"{response} in {self.name_of(response)}" for response in slow[:DETAILS_SHOWN]]
        bar = f"{LONGEST_RESPONSE:.0f} s + {self.margin} s"
        return Verdict(
            "longest response, except while PostgreSQL was frozen", f"{longest:.1f} s", bar, not slow, details
        )

    def bound_of(self, response):
        """Return the seconds within which a response must arrive. While the site starts, connections have to wait."""
        restarted = any(episode.fault.restarts_site for episode in self.during(response))
        return max(LONGEST_RESPONSE, self.trial.start_seconds if restarted else 0) + self.margin

    def recovered(self, episode):
        """Return the seconds from the end of a fault to the end of the last failure before the next fault."""
        until = self.next_began(episode)
        failed = [
            a.ended for a in self.responses if a.failed and episode.ended <= a.began and a.ended < until
        ]
        return max(failed, default=episode.ended) - episode.ended

    def next_began(self, episode):
        """Return when the next fault began, or the current time after the last one."""
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
        return [f"{one.username} can't log in" for one in self.crowd.regulars() if not one.log_in()]

    def lost_pictures(self):
        keys = [key for (key,) in self.engine.rows("SELECT picture FROM accounts_user WHERE picture <> ''")]
        return [f"picture {key}" for key in keys if not list(self.trial.site.media.glob(f"**/{key}-*.webp"))]

    def leaves(self):
        # Unless a fault allows failures, members must be able to leave at the first attempt.
        attempts = [
            response
            for response in self.crowd.leaves
            if not any(e.fault.unavailable for e in self.during(response))
        ]
        attempts = [
            response for response in attempts if not response.error and not self.is_out_of_time(response)
        ]
        failed = [str(response) for response in attempts if not response.is_stored]
        value = f"{len(attempts) - len(failed)} of {len(attempts)} ({len(self.trial.race_leaves)} of them in races)"
        return Verdict("accounts deleted while others act", value, "all", not failed, failed)

    def blocks(self):
        now = self.engine.rows(ACROSS_A_BLOCK)[0][0]
        count = now + self.trial.across_blocks
        return Verdict("follows across a block", count, "0", not count)

    # Emails and jobs

    def emails(self):
        kept = list(self.trial.mail.inbox.received)
        first, twice = {}, []
        for sent_at, _recipient, message_id, _body in kept:
            if message_id in first and not self.explains_repetition(first[message_id]):
                twice.append(message_id)
            first.setdefault(message_id, sent_at)
        yield Verdict(
            "emails sent twice without a lost worker or database", len(twice), "0", not twice, twice
        )
        yield self.told_twice(kept)
        lost = [
            *self.lost_deliveries(first),
            *self.lost_resets(kept),
            *self.missing_follow_emails(kept),
            *self.missing_post_emails(kept),
        ]
        yield Verdict("emails lost", f"{len(lost)}; {len(first)} sent", "0", not lost, lost)
        stuck = [f"{times} x {waiting}" for waiting, times in Counter(map(str, self.trial.waiting)).items()]
        yield Verdict("emails stuck", len(self.trial.waiting), "0", not stuck, stuck)

    def explains_repetition(self, sent_at):
        return any(
            e.fault.repeats_email and e.began - TOLERANCE <= sent_at <= e.ended + self.bar_of(e)
            for e in self.episodes
        )

    def lost_deliveries(self, sent):
        rows = self.engine.rows("SELECT id, type, state FROM accounts_delivery")
        for pk, kind, state in rows:
            message_id = f"<{kind}.{pk}@localhost>"
            if state not in ("sent", "skipped") or (state == "sent" and message_id not in sent):
                yield f"{message_id} is {state}"

    def lost_resets(self, kept):
        received = Counter(letter[1] for letter in kept if "/password/reset/key/" in letter[3])
        expected = Counter(
            key[1] for key in self.crowd.ledger.keys("reset") if None not in self.crowd.ledger.allowed(key)
        )
        for username, times in expected.items():
            if received[f"{username}@example.org"] < times:
                yield f"{username} asked {times} times for a link and got {received[f'{username}@example.org']}"

    def told_twice(self, kept):
        """Return the Verdict about replies and mentions that two different emails told the same member about."""
        emails = defaultdict(set)
        for _sent_at, recipient, message_id, body in emails_of(kept, "reply", "mention"):
            for token in read_posts(body)[0]:
                emails[token, recipient].add(message_id)
        twice = [f"{token} to {to}: {sorted(ids)}" for (token, to), ids in emails.items() if len(ids) > 1]
        value = f"{len(twice)} of {len(emails)}"
        return Verdict("replies and mentions in two emails", value, "0", not twice, twice)

    def missing_post_emails(self, kept):
        letters = emails_of(kept, "reply", "mention")
        told = {(token, letter[1]) for letter in letters for token in read_posts(letter[3])[0]}
        not_shown = {letter[1] for letter in letters if read_posts(letter[3])[1]}
        concerned = {("reply to", *row) for row in self.engine.rows(REPLIES)}
        concerned |= {("mention of", *row) for row in self.engine.rows(MENTIONS)}
        for what, content, username in sorted(concerned):
            token, address = content.split()[0], f"{username}@example.org"
            if username != author_of(token) and (token, address) not in told and address not in not_shown:
                yield f"no email about {token}, a {what} @{username}"

    def missing_follow_emails(self, kept):
        letters = emails_of(kept, "new_follower")
        announced = {(name, letter[1]) for letter in letters for name in read_followers(letter[3])[0]}
        summarized = {letter[1] for letter in letters if read_followers(letter[3])[1]}
        for follower, followed in self.engine.rows(pairs_in("accounts_follow", "follower", "followed")):
            address = f"{followed}@example.org"
            if (follower, address) not in announced and address not in summarized:
                yield f"@{followed} got no email about @{follower}"

    def jobs(self):
        failed = self.engine.rows(
            "SELECT task_path, exception_class_path FROM django_tasks_database_dbtaskresult WHERE status = 'FAILED'"
        )
        stuck = self.trial.unfinished
        details = [f"{times} x {job}" for job, times in Counter(map(str, [*failed, *stuck])).items()]
        value = f"{len(stuck)} unfinished, {len(failed)} failed"
        return Verdict("jobs", value, "none", not details, details)

    def notices(self):
        for kind in ("logged out", "text lost"):
            found = [message for _time, what, message in self.crowd.notices if what == kind]
            yield Verdict(kind, len(found), "0", not found, found)

    # Commands

    def audit(self):
        return self._command("violations found by manage.py audit", "none", "audit")

    def backup(self):
        what, bar = "restored backup has everything acknowledged before", "everything"
        if self.trial.backup is None:
            return Verdict(what, "no backup was made", bar, True)
        file, began, ended = self.trial.backup
        self.engine.add_copy()
        restored = self._command(what, bar, "restore", file, DATABASE_URL=self.engine.copy_url)
        if restored.passed:
            lost = Promises(self.crowd.ledger, began, ended).broken(State(self.engine, copy=True))
            restored = Verdict(what, f"{len(lost)} lost", bar, not lost, lost)
        return restored

    def _command(self, what, bar, *arguments, **changes):
        try:
            self.trial.site.manage(*arguments, **changes)
        except TrialError as error:
            return Verdict(what, "the command failed", bar, False, [str(error)])
        return Verdict(what, "none", bar, True)

    # Growth

    def memory(self):
        def megabytes(since):
            return [series for series in self.trial.sampler.since(since) if series.unit == "MB"]

        at_rest, peak = megabytes(self.trial.at_rest_since), max(series.highest for series in megabytes(0))
        large = [f"{series.what}: {series.last:.0f} MB" for series in at_rest if series.last > MAX_MB]
        value = f"{max(series.last for series in at_rest):.0f} MB (under load {peak:.0f} MB)"
        return Verdict("memory of a process after the load", value, f"{MAX_MB:.0f} MB", not large, large)

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
        """Yield a row for each fault: name, seconds, responses, 503s, wrong responses, the longest response, recovery."""
        for episode in self.trial.episodes:
            yield self.row(episode)

    def row(self, episode: Episode):
        if episode.skipped:
            return {"fault": episode.name, "skipped": episode.skipped}
        until = self.next_began(episode)
        responses = [response for response in self.responses if episode.began <= response.began < until]
        return {
            "fault": episode.name,
            "seconds": round(episode.ended - episode.began, 1),
            "responses": len(responses),
            "503": sum(response.status == 503 for response in responses),
            "refused": sum(bool(response.error) for response in responses),
            "wrong": sum(map(self.is_wrong, responses)),
            "longest": round(max((response.seconds for response in responses), default=0), 1),
            "recovery": round(self.recovered(episode), 1),
            "problem": episode.problem,
        }


def emails_of(kept, *types):
    """Return the emails of these types, by their Message-ID."""
    return [letter for letter in kept if letter[2].startswith(tuple(f"<{name}." for name in types))]
