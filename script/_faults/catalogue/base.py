"""What a fault is."""

from _faults.engines import ENGINES


class Fault:
    """One thing that fails. `trial` has the site, its engine and services, its crowd, and a generator of chance."""

    engines = tuple(ENGINES)
    seconds = 5
    brief_seconds = 2  # the same in the short form
    unavailable = False
    refuses = False
    longest = 10.0  # seconds that an answer may take; None: there is no bound
    repeats_email = (
        False  # A worker that loses the database between sending an email and recording it sends it again.
    )
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
        """Raise Skipped if this machine cannot do it."""

    def begin(self):
        raise NotImplementedError

    def end(self):
        """Undo what `begin()` did. Called also if that failed."""
