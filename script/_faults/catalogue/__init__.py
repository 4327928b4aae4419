"""All faults of the trial."""

from _faults.catalogue import postgresql, processes, sqlite, surroundings
from _faults.catalogue.base import Fault

CATALOGUE = [
    fault
    for module in (processes, postgresql, sqlite, surroundings)
    for fault in vars(module).values()
    if isinstance(fault, type) and issubclass(fault, Fault) and fault is not Fault
]

# Quick faults, for every change. Faults that must not cause failures come first, because failures are allowed for a while after
# other faults.
SHORT = {
    "sqlite": [
        processes.JobWorkerKilled,
        surroundings.CacheStopped,
        surroundings.EverythingAtOnce,
        processes.WebProcessKilled,
        sqlite.FileLocked,
    ],
    "postgresql": [
        postgresql.ColumnWidened,
        surroundings.CacheStopped,
        surroundings.EverythingAtOnce,
        postgresql.TableLocked,
        postgresql.DatabaseCrashed,
    ],
}


def by_name(engine):
    """Return a dict from the name of each of this engine's faults to its class."""
    return {fault.name(): fault for fault in CATALOGUE if engine in fault.engines}
