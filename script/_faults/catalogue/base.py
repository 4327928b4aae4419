"""The base class of faults."""

from _faults.engines import ENGINES


class Fault:
    """A fault. `trial` has the site, its engine and services, its crowd, and a random number generator."""

    engines = tuple(ENGINES)
    seconds = 5
    brief_seconds = 2  # the duration in a short trial
    unavailable = False  # whether 503s with Retry-After are allowed
    refuses = False  # whether connections may be refused or cut
    longest = 10.0  # how many seconds a response may take, or None if there is no limit
    # whether emails may be sent twice, because a worker loses the database between sending an email and recording it
    repeats_email = False
    restarts_site = False

    def __init__(self, trial):
        self.trial = trial
        self.site, self.engine, self.rng = trial.site, trial.engine, trial.rng

    @classmethod
    def name(cls):
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__).strip(
            "-"
        )

    def check(self):
        """Raise Skipped if this machine can't produce the fault."""

    def begin(self):
        raise NotImplementedError

    def end(self):
        """Undo what `begin()` did. This is called even if `begin()` failed."""
