"""All faults that the trial knows."""

from _faults.catalogue import postgresql, processes, sqlite, surroundings
from _faults.catalogue.base import Fault

CATALOGUE = [
    fault
    for module in (processes, postgresql, sqlite, surroundings)
    for fault in vars(module).values()
    if isinstance(fault, type) and issubclass(fault, Fault) and fault is not Fault
]

# Quick ones, for every change. First those in which nothing may fail: for a while after another fault, some failures may.
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
    """Return {name: class} of the faults that the engine can meet."""
    return {fault.name(): fault for fault in CATALOGUE if engine in fault.engines}
